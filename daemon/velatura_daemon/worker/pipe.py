"""Messages over a pipe, each behind its length."""

from __future__ import annotations

import struct
from typing import IO, Any

from velatura_daemon.jobs.codec import Codec, messages_of
from velatura_daemon.jobs.commands import Command
from velatura_daemon.jobs.events import WorkerEvent

DEVICE_LOST = 70  # the exit code of a worker whose device no longer answers

COMMANDS = Codec(*messages_of(Command))
EVENTS = Codec(*messages_of(WorkerEvent))


def write_message(pipe: IO[bytes], codec: Codec, message: object) -> None:
    """Raises OSError if the other side has gone."""
    packed = codec.pack(message)
    pipe.write(struct.pack("<I", len(packed)) + packed)
    pipe.flush()


def read_message(pipe: IO[bytes], codec: Codec) -> Any:
    """The next message, or None at the end. Raises ValueError for half a message: the other side died while writing."""
    prefix = pipe.read(4)
    if len(prefix) < 4:
        return None
    return codec.unpack(pipe.read(struct.unpack("<I", prefix)[0]))
