"""ZMTP 3.0, both sides of it: the greeting, frames, messages. No sockets here, only bytes in and bytes out.

The rules (rfc.zeromq.org/spec/23, NULL mechanism), and the limits that are ours:

    greeting   64 bytes: FF, 8 of padding, 7F; version 3, 0; mechanism "NULL" in 20 bytes; as-server 0; 31 zeros
    frame      flags, size, body. flags: 1 more follow, 2 the size has 8 bytes (big-endian; else 1), 4 a command;
               the other bits are 0
    command    a frame whose body begins with the length of its name and the name. READY comes first, from both
               sides, with properties: name length, name, value length (4 bytes), value
    message    frames that say 'more', and one that does not. Commands stand between messages, never inside

    a frame    MAX_FRAME bytes        a command    MAX_COMMAND bytes        a message    MAX_FRAMES frames

A stranger, who has not proved the key yet, is held to less (`STRANGER`). A peer that goes beyond any of this is hung up
on. Nothing is allocated before its size was checked.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from velatura.errors import BadMessage
from velatura.protocol.messages import MAX_FRAME

MORE, LONG, COMMAND = 1, 2, 4
GREETING_BYTES = 64
MAX_COMMAND = 4096  # bytes; a ROUTER's READY has under 100
MAX_FRAMES = 8  # of a message; ours have one or two
STRANGERS_FRAME = 4096  # bytes: hello and proof have a few hundred
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


def fresh_identity() -> bytes:
    """A routing id that nobody can guess: the ROUTER sends to it, and a stranger may claim a departed peer's."""
    return b"p" + secrets.token_bytes(16)


def ready(identity: bytes, kind: bytes = b"DEALER") -> bytes:
    """The READY command of a socket of this kind, as it goes over the wire."""
    body = b"\x05READY" + _property(b"Socket-Type", kind) + _property(b"Identity", identity)
    return frame_head(COMMAND, len(body)) + body


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value


def frame_head(flags: int, size: int) -> bytes:
    """What stands before a body of `size` bytes."""
    if size < 256:
        return bytes([flags, size])
    return bytes([flags | LONG]) + size.to_bytes(8, "big")


def message_parts(frames: Sequence[Any]) -> list[memoryview]:
    """A message as buffers to be written one after the other; bodies are not copied."""
    parts = []
    for index, frame in enumerate(frames):
        view = memoryview(frame).cast("B")
        more = MORE if index + 1 < len(frames) else 0
        parts += [memoryview(frame_head(more, view.nbytes)), view]
    return parts


@dataclass(frozen=True)
class Limits:
    """What is taken from the other side: bytes of a frame, frames of a message."""

    frame: int
    frames: int


TRUSTED = Limits(MAX_FRAME, MAX_FRAMES)
STRANGER = Limits(STRANGERS_FRAME, 1)


class FrameParser:
    """What the other side sends, piece by piece: the greeting, its READY, then messages.

    Give it a place to read into, `space()`, and tell how much came, `filled(n)`. Raises BadMessage at the first byte
    that breaks a rule; after that it must not be used.
    """

    def __init__(self, limits: Limits = TRUSTED) -> None:
        """limits may be changed between messages."""
        self.limits = limits
        self.is_ready = False
        self._frames: list[bytearray] = []
        self._flags = 0
        self._await_greeting()

    def space(self) -> memoryview:
        """Where the next bytes go: never more than what is due now."""
        return self._room[self._have :]

    def filled(self, count: int) -> list[bytearray] | None:
        """`count` bytes of the space were filled. Returns a message when it is whole."""
        self._have += count
        if self._have < len(self._room):
            self._check_early()
            return None
        return self._next()

    # --- the parts, one after the other ------------------------------------------------------------
    def _expect(self, size: int, then: str) -> None:
        self._bytes = bytearray(size)
        self._room, self._have, self._part = memoryview(self._bytes), 0, then

    def _await_greeting(self) -> None:
        self._expect(GREETING_BYTES, "greeting")

    def _await_flags(self) -> None:
        self._expect(2, "flags and size")

    def _next(self) -> list[bytearray] | None:
        if self._part == "greeting":
            self._take_greeting()
        elif self._part == "flags and size":
            self._take_flags()
        elif self._part == "long size":
            self._take_size(int.from_bytes(self._bytes, "big"))
        else:
            return self._take_body(self._bytes)
        # An empty body is whole at once.
        return self._take_body(self._bytes) if self._part == "body" and not self._bytes else None

    def _check_early(self) -> None:
        """A stranger that does not speak ZMTP is told by its first bytes, not after 64."""
        if self._part == "greeting" and (self._bytes[0] != 0xFF or (self._have > 9 and self._bytes[9] != 0x7F)):
            raise BadMessage("What answers does not speak ZMTP.")

    def _take_greeting(self) -> None:
        said = bytes(self._bytes)
        if said[0] != 0xFF or said[9] != 0x7F or said[10] < 3:
            raise BadMessage("What answers does not speak ZMTP 3.")
        if said[12:32].rstrip(b"\0") != b"NULL":
            raise BadMessage("What answers wants another ZMTP mechanism than NULL.")
        self._await_flags()

    def _take_flags(self) -> None:
        self._flags, first = self._bytes
        if self._flags & ~(MORE | LONG | COMMAND) or (self._flags & COMMAND and self._flags & MORE):
            raise BadMessage(f"A ZMTP frame came with the flags {self._flags}.")
        if self._flags & COMMAND and self._frames:
            raise BadMessage("A ZMTP command came inside a message.")
        if self._flags & LONG:
            self._expect(8, "long size")
            self._room[0], self._have = first, 1
        else:
            self._take_size(first)

    def _take_size(self, size: int) -> None:
        limit = MAX_COMMAND if self._flags & COMMAND or not self.is_ready else self.limits.frame
        if size > limit:
            raise BadMessage(f"A ZMTP frame of {size} bytes came; the limit is {limit}.")
        self._expect(size, "body")

    def _take_body(self, body: bytearray) -> list[bytearray] | None:
        flags = self._flags
        self._await_flags()
        if flags & COMMAND:
            self._take_command(body)
            return None
        if not self.is_ready:
            raise BadMessage("A message came before the ZMTP handshake.")
        self._frames.append(body)
        if len(self._frames) > self.limits.frames or (flags & MORE and len(self._frames) == self.limits.frames):
            raise BadMessage(f"A message of over {self.limits.frames} frames came.")
        if flags & MORE:
            return None
        frames, self._frames = self._frames, []
        return frames

    def _take_command(self, body: bytearray) -> None:
        name = bytes(body[1 : 1 + body[0]]) if body else b""
        if not self.is_ready:
            if name != b"READY":
                raise BadMessage(f"The ZMTP handshake was answered with {name[:20]!r}.")
            self.is_ready = True
        # Later commands (a 3.1 peer's SUBSCRIBE, PING) mean nothing to a DEALER of 3.0, which has said so.
