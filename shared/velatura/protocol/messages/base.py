"""The base class of all messages, and the limits that both sides keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

VERSION = (2, 5)  # major, minor; only a different major version is refused

VIEW_SINCE = (2, 1)  # the first version with a `view` in a restyle
PROGRESS_SAVED_SINCE = (2, 2)  # the first version with `progress_saved`
STEPS_SINCE = (2, 3)  # the first version with `step_every` of a restyle, `step` and `step_received`
TEXTS_SINCE = (2, 4)  # the first version with `texts`, in any message
FILM_SINCE = (2, 4)  # the first version with `previous` of a restyle

CHUNK = 4 << 20  # bytes of a blob in one `put`, at most
HEADER_LIMIT = 64 << 10  # bytes of a header, at most
MAX_FRAME = CHUNK + (4 << 10)  # bytes of any frame, at most (ZMQ_MAXMSGSIZE)
WINDOW = 4 * CHUNK  # bytes that a receiver requests ahead of what has arrived
MAX_STYLES = 16
MAX_STEP_EVERY = 10_000  # of a restyle's `step_every`
MAX_VIA = 8  # daemons in the `via` of a restyle or of a question for an estimate
MAX_PREVIOUS = 4  # frames in a restyle's `previous`
MAX_UNRECEIVED_STEPS = 3  # of a job; then its worker waits
MAX_NAME = 256  # characters of a client_id, job, layer or title, and of a style's name
MAX_NOTE = 4096  # characters of a note, and of a style's path

Buffer = bytes | bytearray | memoryview  # a binary frame, which is never copied


@dataclass(frozen=True)
class Message:
    """Base class of all messages.

    Attributes:
        type: The name on the wire.
        frames: How many binary frames follow the header.
    """

    type: ClassVar[str] = ""
    frames: ClassVar[int] = 0
