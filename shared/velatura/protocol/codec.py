"""Encoding and decoding of messages, with all checks of their fields.

A message is one msgpack header frame, and for `put`, `preview`, `saved_list` and `history` one binary frame after it.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgpack

from velatura.errors import BadMessage, UnknownMessage, VersionMismatch
from velatura.protocol.messages import HEADER_LIMIT, MAX_NAME, MAX_NOTE, MESSAGES, VERSION, Message
from velatura.short_repr import short_repr

# The longest text in characters of the fields that have such a limit.
MAX_CHARACTERS = {
    **dict.fromkeys(("client_id", "client", "job", "layer", "title", "program", "build", "device"), MAX_NAME),
    "note": MAX_NOTE,
}


@dataclass(frozen=True)
class _Field:
    name: str
    type: Any
    default: Any


def _fields_of(cls: type[Message]) -> list[_Field]:
    hints = typing.get_type_hints(cls)
    return [_Field(f.name, hints[f.name], f.default) for f in dataclasses.fields(cls) if f.name != "data"]


_FIELDS = {cls: _fields_of(cls) for cls in MESSAGES.values()}


def pack(message: Message, session: bytes = b"") -> list[Any]:
    """Return the frames of a message: the header, and the binary frame if there is one, not copied.

    session: the session id, for messages after the handshake. Raises BadMessage if the header is too large.
    """
    header = {field.name: getattr(message, field.name) for field in _FIELDS[type(message)]}
    header["type"] = message.type
    if session:
        header["session"] = session
    packed = msgpack.packb(header, use_bin_type=True)
    if len(packed) > HEADER_LIMIT:
        raise BadMessage(
            f"The header of a {message.type} message has {len(packed)} bytes. The limit is {HEADER_LIMIT}. Use shorter "
            "names."
        )
    return [packed, getattr(message, "data")] if message.frames else [packed]  # noqa: B009  mypy does not know `data`


def unpack(frames: Sequence[Any]) -> tuple[Message, bytes]:
    """Decode a message. Returns it and the session id in its header, or b"" if there is none.

    Unknown fields are ignored. Raises BadMessage, which names the problem, or UnknownMessage for an unknown type.
    """
    if not frames:
        raise BadMessage("A message has no frames.")
    header = unpack_header(frames[0])
    kind = header.get("type")
    cls = MESSAGES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise UnknownMessage(f"Protocol {VERSION[0]} has no message type {short_repr(kind)}.")
    if len(frames) != 1 + cls.frames:
        raise BadMessage(f"A {cls.type} message has {1 + cls.frames} frames, but {len(frames)} arrived.")
    values = {field.name: _value(cls, field, header) for field in _FIELDS[cls]}
    if cls.frames:
        values["data"] = frames[1]
    session = header.get("session", b"")
    return cls(**values), session if isinstance(session, bytes) else b""


def unpack_header(frame: Any) -> dict[Any, Any]:
    """Decode a header frame. Raises BadMessage if it is too large, nested too deeply, or no msgpack map."""
    view = memoryview(frame)
    if view.nbytes > HEADER_LIMIT:
        raise BadMessage(f"A header has {view.nbytes} bytes. The limit is {HEADER_LIMIT}.")
    try:
        header = msgpack.unpackb(view, raw=False, strict_map_key=False)
    except Exception:
        raise BadMessage("A header is not valid msgpack.") from None
    if not isinstance(header, dict):
        raise BadMessage("A header is not a map.")
    return header


def _value(cls: type[Message], field: _Field, header: dict[Any, Any]) -> Any:
    """Return the checked value of one field, or its default."""
    if field.name not in header:
        if field.default is dataclasses.MISSING:
            raise BadMessage(f"A {cls.type} message lacks the field {field.name!r}.")
        return field.default
    value = header[field.name]
    if not _has_type(value, field.type):
        raise BadMessage(f"The field {field.name!r} of a {cls.type} message has the wrong type.")
    limit = MAX_CHARACTERS.get(field.name)
    if limit is not None and isinstance(value, str) and len(value) > limit:
        raise BadMessage(f"The field {field.name!r} of a {cls.type} message has over {limit} characters.")
    return float(value) if field.type is float else value


def _has_type(value: Any, expected: Any) -> bool:
    """Whether a decoded value fits a field's annotation: a plain type, a generic list or dict, or one of them or None.

    Integers pass as floats. Booleans are no numbers. Integers are limited to 53 bits, which every language can hold.
    """
    options = typing.get_args(expected) if type(None) in typing.get_args(expected) else (expected,)
    for option in options:
        option = typing.get_origin(option) or option
        if option is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return True
        if option is int and isinstance(value, int) and not isinstance(value, bool) and -(2**53) < value < 2**53:
            return True
        if option in (str, bytes, bool, list, dict, type(None)) and isinstance(value, option):
            return True
    return False


def check_version(version: Sequence[Any], other_side: str) -> None:
    """Check the protocol version of the other side, 'daemon' or 'client'.

    Raises VersionMismatch, which says which side to update, if its major version differs from ours.
    """
    if len(version) < 2 or not all(isinstance(part, int) for part in version):
        raise BadMessage("A protocol version must be two whole numbers.")
    if version[0] == VERSION[0]:
        return
    this_side = "client" if other_side == "daemon" else "daemon"
    older = this_side if version[0] > VERSION[0] else other_side
    product = {"client": "the plugin (or command line)", "daemon": "the daemon"}[older]
    to_do = "run 'velatura daemon stop' after updating the package." if older == "daemon" else "install it again."
    raise VersionMismatch(
        f"The {this_side} speaks protocol {VERSION[0]}, the {other_side} protocol {version[0]}. Update {product}: "
        f"{to_do}"
    )
