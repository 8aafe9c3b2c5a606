"""Commands and events as msgpack: each dataclass is a map of its fields, with its name as `type`.

Both ends are this very build on machines of the same user, so what is read is only checked for its shape.
"""

from __future__ import annotations

import os
import types
import typing
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgpack

from velatura.i18n import Text
from velatura.i18n.wire import text_from_wire, text_to_wire
from velatura.pixels import PictureRef
from velatura.settings import StyleSettings


class Codec:
    """Packs and unpacks messages of a few frozen dataclasses, nested ones included."""

    def __init__(self, *messages: type) -> None:
        self._messages = {message.__name__: message for message in messages}

    def pack(self, message: object) -> bytes:
        packed: bytes = msgpack.packb(_plain(message), use_bin_type=True)
        return packed

    def unpack(self, packed: bytes) -> Any:
        """Raises ValueError for what is not one of the messages."""
        values = msgpack.unpackb(packed, raw=False, strict_map_key=False)
        try:
            return _built(self._messages[values["type"]], values)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a message of this build: {error!r}") from error


def messages_of(union: Any) -> tuple[type, ...]:
    """The classes of a union of dataclasses."""
    return typing.get_args(union)


def _plain(value: Any) -> Any:
    if isinstance(value, (PictureRef, StyleSettings)):
        return value.to_wire()
    if isinstance(value, Path):
        return os.fsencode(value)  # a file system takes names that are no text
    if isinstance(value, Text):
        return {"english": str(value), **(text_to_wire(value) or {})}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        values = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"type": type(value).__name__, **values}
    return value


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _built(cls: Any, values: dict[str, Any]) -> Any:
    hints = _hints(cls)
    return cls(**{name: _value(hints[name], value) for name, value in values.items() if name != "type"})


def _value(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
        hint = parts[0] if len(parts) == 1 else next(part for part in parts if part.__name__ == value["type"])
        origin = typing.get_origin(hint)
    if hint is Path:
        return Path(os.fsdecode(value))
    if hint in (PictureRef, StyleSettings):
        return hint.from_wire(value)
    if hint is str and isinstance(value, dict):
        return text_from_wire(value["english"], value)
    if origin is tuple:
        return tuple(_value(typing.get_args(hint)[0], item) for item in value)
    return _built(hint, value) if is_dataclass(hint) else value
