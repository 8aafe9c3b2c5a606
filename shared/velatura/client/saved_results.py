"""What the daemon keeps, as a client reads it: results that wait, restyles that were stopped midway, the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack

from velatura.errors import BadMessage, BadSetting
from velatura.pixels import PictureRef
from velatura.protocol.messages import Buffer, Result
from velatura.settings import StyleSettings, default_of, setting_specs


@dataclass(frozen=True)
class SavedStyle:
    """A style of something kept. path: the file that it came from, '' where it came from none. thumbnail: a JPEG, may
    be empty."""

    name: str
    path: str
    share: float
    thumbnail: bytes = b""


@dataclass(frozen=True)
class SavedItem:
    """A result that waits for its program, or (result None) a restyle that was stopped midway, `done` of it (0 to 1).
    client, program: whose. at: seconds since 1970. note: what the client gave with it. thumbnail: a JPEG, may be
    empty."""

    job: str
    client: str
    program: str
    layer: str
    title: str
    note: str
    at: float
    done: float
    width: int
    height: int
    styles: tuple[SavedStyle, ...]
    settings: StyleSettings
    thumbnail: bytes
    result: Result | None

    @property
    def finished(self) -> bool:
        return self.result is not None


@dataclass(frozen=True)
class HistoryEntry:
    """One line of the history. number: grows with time. at: seconds since 1970. width, height: of the content, pixels.
    thumbnail: a JPEG, may be empty."""

    number: int
    at: float
    program: str
    title: str
    width: int
    height: int
    seconds: float
    weights: str
    device: str
    settings: StyleSettings
    styles: tuple[SavedStyle, ...]
    thumbnail: bytes


def saved_items(data: Buffer) -> list[SavedItem]:
    """The items of a `kept` message. Raises BadMessage."""
    return [_item(said) for said in _maps(data)]


def history_entries(data: Buffer) -> list[HistoryEntry]:
    """The lines of a `history` message. Raises BadMessage."""
    return [_past(said) for said in _maps(data)]


def settings_that_stand(said: object) -> StyleSettings:
    """Settings of another version: what is unknown or out of range today is left at its default."""
    kept = {name: default_of(name) for name in setting_specs()}
    for name, value in (said if isinstance(said, dict) else {}).items():
        try:
            StyleSettings.from_wire({name: value})
        except BadSetting:
            continue
        kept[name] = value
    return StyleSettings(**kept)


def _maps(data: Buffer) -> list[Mapping[str, Any]]:
    try:
        said = msgpack.unpackb(data, raw=False)
    except Exception:
        raise BadMessage("A list of what is kept came that is not msgpack.") from None
    if not isinstance(said, list) or not all(isinstance(item, dict) for item in said):
        raise BadMessage("A list of what is kept came that is no list of maps.")
    return said


def _item(said: Mapping[str, Any]) -> SavedItem:
    try:
        result = Result(**said["result"]) if said["result"] is not None else None
        picture = PictureRef.from_wire(said["picture"])
        return SavedItem(
            str(said["job"]),
            str(said["client"]),
            str(said["program"]),
            str(said["layer"]),
            str(said["title"]),
            str(said["note"]),
            float(said["at"]),
            float(said["done"]),
            picture.width,
            picture.height,
            _styles(said["styles"]),
            settings_that_stand(said["settings"]),
            bytes(said["thumbnail"]),
            result,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage(f"Something kept is described in a way that is not understood ({error}).") from None


def _past(said: Mapping[str, Any]) -> HistoryEntry:
    try:
        return HistoryEntry(
            int(said["number"]),
            float(said["at"]),
            str(said["program"]),
            str(said["title"]),
            int(said["width"]),
            int(said["height"]),
            float(said["seconds"]),
            str(said["weights"]),
            str(said["device"]),
            settings_that_stand(said["settings"]),
            _styles(said["styles"]),
            bytes(said["thumbnail"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage(f"A line of the history is described in a way that is not understood ({error}).") from None


def _styles(said: Sequence[Mapping[str, Any]]) -> tuple[SavedStyle, ...]:
    return tuple(
        SavedStyle(str(style["name"]), str(style["path"]), float(style["share"]), bytes(style.get("thumbnail") or b""))
        for style in said
    )
