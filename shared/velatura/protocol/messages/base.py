"""The base class of all messages, and the limits that both sides keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

VERSION = (2, 0)  # major, minor; only a different major version is refused

CHUNK = 4 << 20  # bytes of a blob in one `put`, at most
HEADER_LIMIT = 64 << 10  # bytes of a header, at most
MAX_FRAME = CHUNK + (4 << 10)  # bytes of any frame, at most (ZMQ_MAXMSGSIZE)
WINDOW = 4 * CHUNK  # bytes that a receiver requests ahead of what has arrived
MAX_STYLES = 16
MAX_NAME = 256  # characters of a client_id, job, layer or title, and of a style's name
MAX_NOTE = 4096  # characters of a note, and of a style's path

Buffer = bytes | bytearray | memoryview  # a binary frame, which is never copied


@dataclass(frozen=True)
class Message:
    """Base class of all messages. type: the name on the wire. frames: how many binary frames follow the header."""

    type: ClassVar[str] = ""
    frames: ClassVar[int] = 0
