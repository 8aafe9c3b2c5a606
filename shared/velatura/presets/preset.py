"""One preset: its settings, its file format, and which settings it equals."""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from velatura import strings
from velatura.errors import BadPreset, BadSetting
from velatura.i18n import lazy_list, lazy_plural
from velatura.presets.thumbnail import is_thumbnail
from velatura.settings import StyleSettings, default_of, setting_specs

SUFFIX = ".velatura-preset"
VERSION = 1
# What a preset sets: the settings that a window shows. Others would change a restyle without being seen.
SETTINGS = (*strings.MAIN_SETTINGS, *strings.MORE_SETTINGS)
MAX_NAME = 60  # characters
# Before a text is normalised, which takes the square of the time for combining marks.
MAX_RAW_NAME, MAX_TEXT = 600, 4096  # characters
MAX_FILE = 192 << 10  # bytes
MAX_UNKNOWN = 16 << 10  # bytes of the settings of a newer version
MAX_NAMED = 4  # of them, in a sentence
_JOINERS = "\u200c\u200d"  # of emoji and of Persian letters; all other invisible characters are left out


@dataclass(frozen=True)
class Preset:
    """name: for people, unique regardless of case. settings: those not in SETTINGS are at their defaults. thumbnail: a
    PNG, or b''. unknown: settings in the file that this version cannot apply, with their values."""

    name: str
    settings: StyleSettings
    thumbnail: bytes = field(default=b"", repr=False)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return name_key(self.name)

    @property
    def values(self) -> dict[str, Any]:
        """The value of each setting that a preset sets."""
        return {name: getattr(self.settings, name) for name in SETTINGS}

    @property
    def warning(self) -> str:
        """A sentence that names the settings that this version cannot apply; '' if there are none."""
        if not self.unknown:
            return ""
        names = [clean_text(name)[:MAX_NAME] or "?" for name in list(self.unknown)[:MAX_NAMED]]
        more = len(self.unknown) - len(names)
        listed = lazy_list(names)
        if more:
            listed = lazy_plural("{names} and {count} more", "{names} and {count} more", more, names=listed)
        return strings.PRESET_UNKNOWN_SETTINGS.format(name=self.name, settings=listed)

    def equals(self, settings: StyleSettings) -> bool:
        """Whether these settings are the preset's, as far as a window can tell: it rounds what its sliders show."""
        return all(_same(name, value, getattr(settings, name)) for name, value in self.values.items())


def _same(name: str, a: Any, b: Any) -> bool:
    if isinstance(default_of(name), float):
        return bool(abs(a - b) <= (0.5 if setting_specs()[name].unit == "%" else 0.005))
    return bool(a == b)


def preset_settings(settings: StyleSettings) -> StyleSettings:
    """The part of these settings that a preset can store; the others are at their defaults."""
    return StyleSettings(**{name: getattr(settings, name) for name in SETTINGS})


# --- names ---------------------------------------------------------------------------------------------
def clean_text(text: str) -> str:
    """The text on one line, without characters that cannot be seen, which include those that reverse the text."""
    visible = (c if c.isprintable() or c in _JOINERS else " " for c in unicodedata.normalize("NFC", text[:MAX_TEXT]))
    return " ".join("".join(visible).split())


def clean_name(name: str) -> str:
    """The name as it is stored. Raises BadPreset if there is nothing to read in it, or too much."""
    if len(name) > MAX_RAW_NAME:
        raise BadPreset(strings.PRESET_NAME_LONG.format(length=len(name), most=MAX_NAME))
    clean = clean_text(name)
    if not any(unicodedata.category(c)[0] in "LNS" for c in clean):
        raise BadPreset(strings.PRESET_NAME_EMPTY)
    if len(clean) > MAX_NAME:
        raise BadPreset(strings.PRESET_NAME_LONG.format(length=len(clean), most=MAX_NAME))
    return clean


def name_key(name: str) -> str:
    """Equal for names that people take for the same."""
    return unicodedata.normalize("NFKC", name).casefold()


# --- files ---------------------------------------------------------------------------------------------
def dump(preset: Preset) -> bytes:
    """The content of the preset's file: the settings that differ from their defaults, so that it is read easily."""
    values = {name: value for name, value in preset.values.items() if value != default_of(name)}
    fields: dict[str, Any] = {"velatura_preset": VERSION, "name": preset.name, "settings": {**values, **preset.unknown}}
    if preset.thumbnail:
        fields["thumbnail"] = base64.b64encode(preset.thumbnail).decode()
    return _as_json(fields)


def _as_json(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, indent=1) + "\n").encode()  # escaped as ASCII: half of a surrogate pair has no UTF-8


def parse(data: bytes, file_name: str) -> Preset:
    """Read the content of a file. file_name: for the sentences. Raises BadPreset, whatever the bytes are."""
    if len(data) > MAX_FILE:
        raise BadPreset(strings.PRESET_TOO_LARGE.format(file=file_name, most=MAX_FILE >> 10))
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):  # ValueError: not JSON, not UTF-8, or a number of thousands of digits
        raise BadPreset(strings.PRESET_DAMAGED.format(file=file_name)) from None
    version = fields.get("velatura_preset") if isinstance(fields, dict) else None
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise BadPreset(strings.PRESET_DAMAGED.format(file=file_name))
    if version > VERSION:
        raise BadPreset(strings.PRESET_TOO_NEW.format(file=file_name))
    name, values = fields.get("name"), fields.get("settings")
    if not isinstance(name, str) or not isinstance(values, dict):
        raise BadPreset(strings.PRESET_DAMAGED.format(file=file_name))
    try:
        known, unknown = _sorted_out(values)
        return Preset(clean_name(name), StyleSettings(**known), _thumbnail(fields.get("thumbnail")), unknown)
    except (BadPreset, BadSetting) as error:
        raise BadPreset(strings.PRESET_INVALID.format(file=file_name, why=error.sentence)) from None


def _sorted_out(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that this version can apply, and the others, which includes new choices of known settings.

    Raises BadPreset if the others are too large to be kept.
    """
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in values.items():
        choices = [choice for choice, _ in setting_specs()[name].choices] if name in SETTINGS else []
        is_new_choice = bool(choices) and isinstance(value, str) and value not in choices
        (known if name in SETTINGS and not is_new_choice else unknown)[name] = value
    try:
        size = len(_as_json(unknown))
    except RecursionError:
        size = MAX_UNKNOWN + 1
    if size > MAX_UNKNOWN:
        raise BadPreset(strings.PRESET_TOO_MANY.format(most=MAX_UNKNOWN >> 10))
    return known, unknown


def _thumbnail(value: object) -> bytes:
    """A preset works without its thumbnail, so a damaged one is left out."""
    if not isinstance(value, str):
        return b""
    try:
        data = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return b""
    return data if is_thumbnail(data) else b""
