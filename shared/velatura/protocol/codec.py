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
from velatura.i18n import lazy_text, sentences
from velatura.i18n.wire import text_from_wire, text_to_wire
from velatura.protocol.messages import HEADER_LIMIT, MAX_NAME, MAX_NOTE, MESSAGES, VERSION, Message, Result
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
    is_required: bool


def _fields_of(cls: type[Message]) -> list[_Field]:
    hints = typing.get_type_hints(cls)
    return [
        _Field(f.name, hints[f.name], f.default is f.default_factory is dataclasses.MISSING)
        for f in dataclasses.fields(cls)
        if f.name != "data"
    ]


_FIELDS = {cls: _fields_of(cls) for cls in MESSAGES.values()}


def pack(message: Message, session: bytes = b"") -> list[Any]:
    """Return the frames of a message.

    Args:
        message: The message.
        session: The session id, for messages after the handshake.

    Returns:
        The header, and the binary frame if there is one, not copied.

    Raises:
        BadMessage: The header is too large.
    """
    header = {field.name: getattr(message, field.name) for field in _FIELDS[type(message)]}
    header["type"] = message.type
    if session:
        header["session"] = session
    packed = _packed({**header, "texts": texts}) if (texts := _texts_of(header)) else _packed(header)
    if texts and len(packed) > HEADER_LIMIT:
        packed = _packed(header)  # in English
    if len(packed) > HEADER_LIMIT:
        raise BadMessage(
            lazy_text(
                "The header of a {type} message has {bytes} bytes. The limit is {limit}. Use shorter names.",
                type=message.type,
                bytes=len(packed),
                limit=HEADER_LIMIT,
            )
        )
    return [packed, getattr(message, "data")] if message.frames else [packed]  # noqa: B009  mypy does not know `data`


def _packed(header: dict[str, Any]) -> bytes:
    # A file name may have bytes that are not text: they arrive as escapes such as \udcff.
    packed: bytes = msgpack.packb(header, use_bin_type=True, unicode_errors="backslashreplace")
    return packed


def _texts_of(header: dict[str, Any]) -> dict[str, Any]:
    """What the texts in a header were made from, by the names of their fields; of a list, one for each item or None."""
    texts: dict[str, Any] = {}
    for name, value in header.items():
        made_from = [text_to_wire(item) for item in value] if isinstance(value, list) else text_to_wire(value)
        if made_from and made_from != [None] * len(made_from):
            texts[name] = made_from
    return texts


def unpack(frames: Sequence[Any]) -> tuple[Message, bytes]:
    """Decode a message. Unknown fields are ignored.

    Args:
        frames: The header, and the binary frame if there is one.

    Returns:
        The message, and the session id in its header, or b"" if there is none.

    Raises:
        BadMessage: The frames are no message; it names the problem.
        UnknownMessage: The type is not known: it may be from a newer version.
    """
    if not frames:
        raise BadMessage(lazy_text("A message has no frames."))
    header = unpack_header(frames[0])
    kind = header.get("type")
    cls = MESSAGES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise UnknownMessage(
            lazy_text("Protocol {version} has no message type {type}.", version=VERSION[0], type=short_repr(kind))
        )
    if len(frames) != 1 + cls.frames:
        raise BadMessage(
            lazy_text(
                "A {type} message has {expected} frames, but {arrived} arrived.",
                type=cls.type,
                expected=1 + cls.frames,
                arrived=len(frames),
            )
        )
    message = _from_fields(cls, header, frames[1] if cls.frames else None)
    session = header.get("session", b"")
    return message, session if isinstance(session, bytes) else b""


def _from_fields(cls: type[Message], fields: dict[Any, Any], data: Any) -> Message:
    values = {
        field.name: _value(cls, field, fields) for field in _FIELDS[cls] if field.is_required or field.name in fields
    }
    texts = fields.get("texts")
    if isinstance(texts, dict):
        for name in values.keys() & texts.keys():
            values[name] = _with_text(values[name], texts[name])
    if data is not None:
        values["data"] = data
    return cls(**values)


def _with_text(value: Any, made_from: Any) -> Any:
    if isinstance(value, str):
        return text_from_wire(value, made_from)
    if isinstance(value, list) and isinstance(made_from, list) and len(value) == len(made_from):
        return [_with_text(item, made) for item, made in zip(value, made_from, strict=True)]
    return value


def result_from(fields: object) -> Result:
    """Read a result that was stored as a map of its fields.

    Args:
        fields: The map.

    Returns:
        The result.

    Raises:
        BadMessage: It is not a valid one.
    """
    if not isinstance(fields, dict):
        raise BadMessage(lazy_text("A result is not a map."))
    result = _from_fields(Result, fields, None)
    assert isinstance(result, Result)
    return result


def unpack_header(frame: Any) -> dict[Any, Any]:
    """Decode a header frame.

    Args:
        frame: A buffer.

    Returns:
        The fields, not checked.

    Raises:
        BadMessage: It is too large, nested too deeply, or no msgpack map.
    """
    view = memoryview(frame)
    if view.nbytes > HEADER_LIMIT:
        raise BadMessage(
            lazy_text("A header has {bytes} bytes. The limit is {limit}.", bytes=view.nbytes, limit=HEADER_LIMIT)
        )
    try:
        header = msgpack.unpackb(view, raw=False, strict_map_key=False)
    except Exception:
        raise BadMessage(lazy_text("A header is not valid msgpack.")) from None
    if not isinstance(header, dict):
        raise BadMessage(lazy_text("A header is not a map."))
    return header


def _value(cls: type[Message], field: _Field, header: dict[Any, Any]) -> Any:
    """Return the checked value of one field."""
    if field.name not in header:
        raise BadMessage(lazy_text("A {type} message lacks the field '{field}'.", type=cls.type, field=field.name))
    value = header[field.name]
    if not _has_type(value, field.type):
        raise BadMessage(
            lazy_text("The field '{field}' of a {type} message has the wrong type.", type=cls.type, field=field.name)
        )
    limit = MAX_CHARACTERS.get(field.name)
    if limit is not None and isinstance(value, str) and len(value) > limit:
        raise BadMessage(
            lazy_text(
                "The field '{field}' of a {type} message has over {limit} characters.",
                field=field.name,
                type=cls.type,
                limit=limit,
            )
        )
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
    """Check the protocol version of the other side.

    Args:
        version: Major and minor.
        other_side: 'daemon' or 'client'.

    Raises:
        VersionMismatch: Its major version differs from ours; the message says which side to update.
        BadMessage: It is no version.
    """
    if len(version) < 2 or not all(isinstance(part, int) for part in version):
        raise BadMessage(lazy_text("A protocol version must be two whole numbers."))
    if version[0] == VERSION[0]:
        return
    other_is_daemon, other_is_older = other_side == "daemon", version[0] < VERSION[0]
    if other_is_daemon:
        what = lazy_text(
            "The client speaks protocol {client}, the daemon protocol {daemon}.", client=VERSION[0], daemon=version[0]
        )
    else:
        what = lazy_text(
            "The daemon speaks protocol {daemon}, the client protocol {client}.", daemon=VERSION[0], client=version[0]
        )
    if other_is_daemon == other_is_older:
        remedy = lazy_text("Update the daemon: run 'velatura daemon stop' after updating the package.")
    else:
        remedy = lazy_text("Update the plugin (or command line): install it again.")
    raise VersionMismatch(sentences(what, remedy))
