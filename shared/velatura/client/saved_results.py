"""What the daemon saves, as the client sees it: unfetched results, stopped restyles and the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack

from velatura.errors import BadMessage, BadSetting
from velatura.i18n import lazy_text
from velatura.pixels import PictureRef
from velatura.protocol import codec
from velatura.protocol.messages import Buffer, Result
from velatura.settings import StyleSettings, default_of, setting_specs


@dataclass(frozen=True)
class SavedStyle:
    """A style of a saved item or history entry.

    Attributes:
        name: What it is called.
        path: The file that it came from, '' if it did not come from a file.
        share: Its weight among several styles.
        thumbnail: A JPEG, or empty.
    """

    name: str
    path: str
    share: float
    thumbnail: bytes = b""


@dataclass(frozen=True)
class SavedItem:
    """A finished result that was not fetched, or a stopped restyle.

    Attributes:
        job: The id of the job.
        client: The client_id of the owner.
        program: The program of the owner.
        layer: The client's name for what is restyled.
        title: The name of the layer, for people.
        note: The client's own text.
        at: Seconds since 1970.
        done: Progress, 0 to 1.
        width: The picture's width in pixels.
        height: The picture's height in pixels.
        styles: The styles of the restyle.
        settings: The settings of the restyle.
        thumbnail: A JPEG, or empty.
        result: What to fetch; None for a stopped restyle.
    """

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
        """Whether there is a result to fetch."""
        return self.result is not None


@dataclass(frozen=True)
class HistoryEntry:
    """A past restyle.

    Attributes:
        number: Increases with time.
        at: Seconds since 1970.
        program: Which program requested it.
        title: The name of the layer, for people.
        width: The content's width in pixels.
        height: The content's height in pixels.
        seconds: How long it took.
        weights: The name of the network's weights.
        device: Where it was computed.
        settings: The settings of the restyle.
        styles: The styles of the restyle.
        thumbnail: A JPEG, or empty.
    """

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
    """Parse the binary frame of a `saved_list` message. Raises BadMessage."""
    return [_saved_item(fields) for fields in _maps(data)]


def history_entries(data: Buffer) -> list[HistoryEntry]:
    """Parse the binary frame of a `history` message. Raises BadMessage."""
    return [_history_entry(fields) for fields in _maps(data)]


def valid_settings(fields: object) -> StyleSettings:
    """Read settings that another version has written: unknown or invalid ones are left at their defaults."""
    values = {name: default_of(name) for name in setting_specs()}
    for name, value in (fields if isinstance(fields, dict) else {}).items():
        if name not in values:  # from_wire would look for a similar name, which takes long for many
            continue
        try:
            StyleSettings.from_wire({name: value})
        except BadSetting:
            continue
        values[name] = value
    return StyleSettings(**values)


def _maps(data: Buffer) -> list[Mapping[str, Any]]:
    try:
        maps = msgpack.unpackb(data, raw=False)
    except Exception:
        raise BadMessage(lazy_text("A list of saved results or past restyles is not valid msgpack.")) from None
    if not isinstance(maps, list) or not all(isinstance(item, dict) for item in maps):
        raise BadMessage(lazy_text("A list of saved results or past restyles is not a list of maps."))
    return maps


def _saved_item(fields: Mapping[str, Any]) -> SavedItem:
    try:
        result = codec.result_from(fields["result"]) if fields["result"] is not None else None
        picture = PictureRef.from_wire(fields["picture"])
        return SavedItem(
            job=str(fields["job"]),
            client=str(fields["client"]),
            program=str(fields["program"]),
            layer=str(fields["layer"]),
            title=str(fields["title"]),
            note=str(fields["note"]),
            at=float(fields["at"]),
            done=float(fields["done"]),
            width=picture.width,
            height=picture.height,
            styles=_styles(fields["styles"]),
            settings=valid_settings(fields["settings"]),
            thumbnail=_thumbnail(fields["thumbnail"]),
            result=result,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage(lazy_text("The description of a saved result is invalid ({why}).", why=str(error))) from None


def _history_entry(fields: Mapping[str, Any]) -> HistoryEntry:
    try:
        return HistoryEntry(
            number=int(fields["number"]),
            at=float(fields["at"]),
            program=str(fields["program"]),
            title=str(fields["title"]),
            width=int(fields["width"]),
            height=int(fields["height"]),
            seconds=float(fields["seconds"]),
            weights=str(fields["weights"]),
            device=str(fields["device"]),
            settings=valid_settings(fields["settings"]),
            styles=_styles(fields["styles"]),
            thumbnail=_thumbnail(fields["thumbnail"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage(lazy_text("An entry of the history is invalid ({why}).", why=str(error))) from None


def _styles(styles: Sequence[Mapping[str, Any]]) -> tuple[SavedStyle, ...]:
    return tuple(
        SavedStyle(
            str(style["name"]), str(style["path"]), float(style["share"]), _thumbnail(style.get("thumbnail") or b"")
        )
        for style in styles
    )


def _thumbnail(value: object) -> bytes:
    """Raises TypeError if it has no bytes: of a number, `bytes` would make as many."""
    if not isinstance(value, bytes):
        raise TypeError("a thumbnail has no bytes")
    return value
