"""How a result layer was made: what its document stores of that, and what can still be used of it later.

Documents come from strangers. What is read from one is checked and bounded, and its paths only serve to look for style
files that exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from velatura import strings
from velatura.client.saved_results import valid_settings
from velatura.editor.file_paths import is_file, is_local, is_text
from velatura.editor.style_regions import Place
from velatura.editor.ui_state import Style
from velatura.settings import StyleSettings

MAX_RECIPE = 64 << 10  # bytes of one stored recipe
MAX_STYLES = 32
MAX_NAME, MAX_PATH = 200, 4096  # characters
MAX_PIXELS = 1 << 24  # of a canvas's side, and of a position on it
MAX_DIGITS = 20  # of a number; a longer one would take Python a long time to read
NUMBER_BY_EDITOR = re.compile(r" #\d+")  # what an editor adds to a name that is taken


@dataclass(frozen=True)
class Recipe:
    """How a result was made.

    name: the layer's name at first. styles: without their regions, which are not stored. regions: the name of the
    region of each style, '' if it had none. source, source_name: the layer that was restyled; the former is the
    editor's own identification. box: left, top, width and height of what was read, on a canvas of this size.
    has_selection: whether only a selection was restyled.
    """

    name: str
    settings: StyleSettings
    styles: tuple[Style, ...]
    regions: tuple[str, ...] = ()
    source: str = ""
    source_name: str = ""
    canvas: tuple[int, int] = (0, 0)
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    has_selection: bool = False

    @classmethod
    def of(cls, name: str, settings: StyleSettings, styles: Sequence[Style]) -> Recipe:
        """A recipe that does not name its source yet."""
        regions = tuple(style.region.name if style.region is not None else "" for style in styles)
        return cls(name, settings, tuple(replace(style, region=None) for style in styles), regions)

    def made_from(self, source: str, source_name: str, place: Place | None, *, has_selection: bool) -> Recipe:
        """The same recipe with its source. place: where the content was on the canvas, if that is known."""
        if place is not None:
            canvas, box = place.canvas, (place.left, place.top, place.width, place.height)
            self = replace(self, canvas=(canvas.width, canvas.height), box=box)
        return replace(self, source=source, source_name=source_name, has_selection=has_selection)


# --- storing -----------------------------------------------------------------------------------------
def to_fields(recipe: Recipe) -> dict[str, Any]:
    """The recipe as a map for JSON. Long texts are cut; a style whose path cannot be stored is left out."""
    styles = [
        {"path": style.path, "name": _stored(style.name), "share": style.share, "region": _stored(region)}
        for style, region in zip(recipe.styles, recipe.regions or ("",) * len(recipe.styles), strict=True)
        if len(style.path) <= MAX_PATH and is_text(style.path)
    ]
    return {
        "version": 1,
        "name": _stored(recipe.name),
        "settings": recipe.settings.to_wire(),
        "styles": styles[:MAX_STYLES],
        "source": _stored(recipe.source),
        "source_name": _stored(recipe.source_name),
        "canvas": list(recipe.canvas),
        "box": list(recipe.box),
        "has_selection": recipe.has_selection,
    }


def _stored(text: str) -> str:
    return text[:MAX_NAME].encode("utf-8", "replace").decode()


def from_fields(fields: object) -> Recipe | None:
    """Read a recipe. Returns None if it is none. Settings that are unknown here are left at their defaults."""
    if not isinstance(fields, dict):
        return None
    try:
        styles = fields["styles"]
        if not isinstance(styles, list) or len(styles) > MAX_STYLES:
            return None
        return Recipe(
            name=_text(fields, "name"),
            settings=valid_settings(fields["settings"]),
            styles=tuple(Style(_text(one, "path", MAX_PATH), _text(one, "name"), _share(one)) for one in styles),
            regions=tuple(_text(one, "region") for one in styles),
            source=_text(fields, "source"),
            source_name=_text(fields, "source_name"),
            canvas=_pair(_pixels(fields, "canvas", 2)),
            box=_box(_pixels(fields, "box", 4)),
            has_selection=fields["has_selection"] is True,
        )
    except (KeyError, TypeError, ValueError):
        return None


def encode(recipe: Recipe) -> bytes:
    """The recipe in ASCII, since GIMP's Python takes no other bytes for a parasite."""
    return json.dumps(to_fields(recipe)).encode("ascii")


def decode(data: bytes) -> Recipe | None:
    """Read a stored recipe. Returns None if it is none."""
    return from_fields(read_json(data, MAX_RECIPE))


def read_json(data: bytes, limit: int) -> Any:
    """Read JSON from a document. Returns None if it is none, or longer than `limit` bytes."""
    try:
        return json.loads(data, parse_int=_whole_number) if len(data) <= limit else None
    except (ValueError, RecursionError):
        return None


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("too many digits")
    return int(digits)


def _text(fields: Mapping[str, Any], name: str, limit: int = MAX_NAME) -> str:
    value = fields[name]
    if not isinstance(value, str) or len(value) > limit or not is_text(value):
        raise ValueError(name)
    return value


def _share(fields: Mapping[str, Any]) -> float:
    value = fields["share"]
    if type(value) not in (int, float) or not 0 < value < 1e6:  # NaN is not between them either
        raise ValueError("share")
    return float(value)


def _pixels(fields: Mapping[str, Any], name: str, count: int) -> list[int]:
    values = fields[name]
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(name)
    if not all(type(value) is int and abs(value) <= MAX_PIXELS for value in values):
        raise ValueError(name)
    return values


def _pair(values: list[int]) -> tuple[int, int]:
    width, height = values
    return width, height


def _box(values: list[int]) -> tuple[int, int, int, int]:
    left, top, width, height = values
    return left, top, width, height


# --- using it again ----------------------------------------------------------------------------------
def usable_styles(recipe: Recipe) -> tuple[list[Style], list[str]]:
    """The styles whose files are on this machine, and a sentence about each kind of thing that has to be chosen again.

    No file is opened for this.
    """
    styles = [style for style in recipe.styles if is_local(style.path) and is_file(style.path)]
    missing = [style for style in recipe.styles if style not in styles]
    sentences: list[str] = []
    if missing:
        names = strings.listed([strings.style_text(style.name) for style in missing])
        sentences.append(strings.EDIT_STYLE_MISSING.format(names=names))
    if any(recipe.regions):
        sentences.append(strings.EDIT_REGIONS_MISSING)
    return styles, sentences


def name_after(present: str, given: str, new: str) -> str:
    """The name of a result that replaces another one.

    A name that the user chose is kept. present: the replaced layer's name. given: the name that it was given at first.
    new: the name of a new result with these settings.
    """
    # A stored name was cut, so that nothing is known of what follows.
    rest = "" if len(given) == MAX_NAME else present[len(given) :]
    is_given = present.startswith(given) and NUMBER_BY_EDITOR.fullmatch(rest or " #0")
    return new if given and is_given else present
