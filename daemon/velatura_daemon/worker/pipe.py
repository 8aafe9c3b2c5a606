"""How the front and a worker talk: msgpack maps over pipes, each behind its length. Both trust each other."""

from __future__ import annotations

import struct
from typing import IO, Any

import msgpack

DEVICE_LOST = 70  # the exit code of a worker whose device answers no more


def write_message(pipe: IO[bytes], message: dict[str, Any]) -> None:
    """Raises OSError where the other side has gone."""
    packed = msgpack.packb(message, use_bin_type=True)
    pipe.write(struct.pack("<I", len(packed)) + packed)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> dict[str, Any] | None:
    """The next message, or None at the end."""
    prefix = pipe.read(4)
    if len(prefix) < 4:
        return None
    body = pipe.read(struct.unpack("<I", prefix)[0])
    message: dict[str, Any] = msgpack.unpackb(body, raw=False, strict_map_key=False)
    return message
