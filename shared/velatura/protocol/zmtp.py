"""ZMTP 3.0 framing without sockets: the greeting, commands, frames and messages of both sides.

The rules (rfc.zeromq.org/spec/23, NULL mechanism) and Velatura's own limits::

    greeting   64 bytes: FF, 8 bytes of padding, 7F; version 3, 0; mechanism "NULL" in 20 bytes; as-server 0; 31 zeros
    frame      flags, size, body. flags: 1 more frames follow, 2 the size has 8 bytes (big-endian; else 1 byte),
               4 a command; the other bits are 0
    command    a frame whose body starts with the length of its name and the name. READY comes first, from both
               sides, with properties: name length, name, value length (4 bytes), value
    message    frames with the 'more' flag, and a last one without it. Commands come between messages, never inside

    a frame    MAX_FRAME bytes        a command    MAX_COMMAND bytes
    a message  MAX_FRAMES frames, MAX_MESSAGE bytes

A peer that has not proved the key yet has lower limits (`UNAUTHENTICATED`). The connection to a peer that breaks a rule
or a limit is closed. Sizes are checked before memory is allocated.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from velatura.errors import BadMessage
from velatura.i18n import lazy_text
from velatura.protocol.messages import HEADER_LIMIT, MAX_FRAME

MORE, LONG, COMMAND = 1, 2, 4
GREETING_BYTES = 64
MAX_COMMAND = 4096  # bytes; a ROUTER's READY has under 100
MAX_FRAMES = 8  # per message; Velatura's messages have one or two
MAX_MESSAGE = HEADER_LIMIT + MAX_FRAME  # bytes of all frames: a header and the largest binary frame
SMALL = HEADER_LIMIT  # bytes of an unfinished message that need no admission: any header
MAX_UNAUTHENTICATED_FRAME = 4096  # bytes; hello and proof have a few hundred
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


def random_routing_id() -> bytes:
    """Return a random ZeroMQ routing id.

    A ROUTER sends to the id, and anybody may claim the id of a peer that has left, so nobody must be able to guess it.
    """
    return b"p" + secrets.token_bytes(16)


def ready(identity: bytes, kind: bytes = b"DEALER") -> bytes:
    """Return the READY command frame.

    Args:
        identity: The routing id.
        kind: The ZeroMQ socket type.

    Returns:
        Header and body of the frame.
    """
    body = b"\x05READY" + _property(b"Socket-Type", kind) + _property(b"Identity", identity)
    return frame_header(COMMAND, len(body)) + body


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value


def frame_header(flags: int, size: int) -> bytes:
    """Return the flags and size that precede a body of `size` bytes."""
    if size < 256:
        return bytes([flags, size])
    return bytes([flags | LONG]) + size.to_bytes(8, "big")


def message_parts(frames: Sequence[Any]) -> list[memoryview]:
    """Return a message as buffers to be written one after the other. The bodies are not copied."""
    parts = []
    for index, frame in enumerate(frames):
        view = memoryview(frame).cast("B")
        more = MORE if index + 1 < len(frames) else 0
        parts += [memoryview(frame_header(more, view.nbytes)), view]
    return parts


@dataclass(frozen=True)
class Limits:
    """What is accepted from a peer.

    Attributes:
        frame: The largest frame in bytes.
        frames: The most frames of a message.
        message: The largest message in bytes.
    """

    frame: int
    frames: int
    message: int


AUTHENTICATED = Limits(MAX_FRAME, MAX_FRAMES, MAX_MESSAGE)
UNAUTHENTICATED = Limits(MAX_UNAUTHENTICATED_FRAME, 1, MAX_UNAUTHENTICATED_FRAME)


class FrameParser:
    """Parses the bytes of a peer: its greeting, its READY command, then messages.

    Read into `get_buffer()`, then call `buffer_updated(n)` with the number of bytes read. After a BadMessage the parser
    must not be used any more.

    Args:
        limits: What is accepted. They may be changed between messages.

    Attributes:
        is_ready: Whether the peer's READY has arrived.
        admit: If set, asked before memory for a message of over SMALL bytes is allocated, with the bytes of its next
            frame. If it refuses, the parser is `waiting`: nothing may be read until `proceed` returns True.
    """

    def __init__(self, limits: Limits = AUTHENTICATED) -> None:
        self.limits = limits
        self.is_ready = False
        self.admit: Callable[[int], bool] | None = None
        self._frames: list[bytearray] = []
        self._frames_bytes = 0
        self._waiting_size = 0  # of the frame that was not admitted yet
        self._flags = 0
        self._await_greeting()

    def get_buffer(self) -> memoryview:
        """Return the buffer for the next bytes. It is never larger than what is expected now."""
        return self._view[self._filled :]

    def buffer_updated(self, count: int) -> list[bytearray] | None:
        """Parse bytes that were read into the buffer.

        Args:
            count: How many.

        Returns:
            The frames of a message when it is complete; otherwise None.

        Raises:
            BadMessage: At the first byte that breaks a rule.
        """
        self._filled += count
        if self._filled < len(self._view):
            self._check_early()
            return None
        return self._next()

    @property
    def waiting(self) -> bool:
        """Whether a frame waits to be admitted."""
        return self._part == "admission"

    def proceed(self) -> bool:
        """Ask again for the frame that was not admitted. Returns False if it still has to wait."""
        if self.waiting and (self.admit is None or self.admit(self._waiting_size)):
            self._expect(self._waiting_size, "body")
        return not self.waiting

    @property
    def bytes_held(self) -> int:
        """Memory of the unfinished message."""
        return self._frames_bytes + len(self._bytes)

    def abandon(self) -> None:
        """Release the unfinished message. The parser must not be used after that."""
        self.admit = None
        self._frames, self._frames_bytes = [], 0
        self._expect(0, "abandoned")

    # --- the parts of the stream, in their order --------------------------------------------------------
    def _expect(self, size: int, part: str) -> None:
        self._bytes = bytearray(size)
        self._view = memoryview(self._bytes)
        self._filled = 0
        self._part = part

    def _await_greeting(self) -> None:
        self._expect(GREETING_BYTES, "greeting")

    def _await_flags(self) -> None:
        self._expect(2, "flags and size")  # not translated: a state

    def _next(self) -> list[bytearray] | None:
        if self._part == "greeting":  # not translated: states
            self._parse_greeting()
        elif self._part == "flags and size":
            self._parse_flags()
        elif self._part == "long size":
            self._parse_size(int.from_bytes(self._bytes, "big"))
        else:
            return self._parse_body(self._bytes)
        # An empty body is complete at once.
        return self._parse_body(self._bytes) if self._part == "body" and not self._bytes else None

    def _check_early(self) -> None:
        """Reject a peer that does not speak ZMTP at its first bytes, not only after 64."""
        if self._part == "greeting" and (self._bytes[0] != 0xFF or (self._filled > 9 and self._bytes[9] != 0x7F)):
            raise BadMessage(lazy_text("The other side does not speak ZMTP."))

    def _parse_greeting(self) -> None:
        greeting = bytes(self._bytes)
        if greeting[0] != 0xFF or greeting[9] != 0x7F or greeting[10] < 3:
            raise BadMessage(lazy_text("The other side does not speak ZMTP 3."))
        if greeting[12:32].rstrip(b"\0") != b"NULL":
            raise BadMessage(lazy_text("The other side requires a ZMTP mechanism other than NULL."))
        self._await_flags()

    def _parse_flags(self) -> None:
        self._flags, first = self._bytes
        if self._flags & ~(MORE | LONG | COMMAND) or (self._flags & COMMAND and self._flags & MORE):
            raise BadMessage(lazy_text("A ZMTP frame has the invalid flags {flags}.", flags=self._flags))
        if self._flags & COMMAND and self._frames:
            raise BadMessage(lazy_text("A ZMTP command arrived inside a message."))
        if self._flags & LONG:
            self._expect(8, "long size")  # not translated: a state
            self._view[0], self._filled = first, 1
        else:
            self._parse_size(first)

    def _parse_size(self, size: int) -> None:
        limit = MAX_COMMAND if self._flags & COMMAND or not self.is_ready else self.limits.frame
        if size > limit:
            raise BadMessage(lazy_text("A ZMTP frame has {size} bytes. The limit is {limit}.", size=size, limit=limit))
        message = self._frames_bytes + size
        if message > self.limits.message and not self._flags & COMMAND and self.is_ready:
            raise BadMessage(lazy_text("A message has over {limit} bytes.", limit=self.limits.message))
        if message > SMALL and self.admit is not None and not self.admit(size):
            self._expect(0, "admission")
            self._waiting_size = size
            return
        self._expect(size, "body")

    def _parse_body(self, body: bytearray) -> list[bytearray] | None:
        flags = self._flags
        self._await_flags()
        if flags & COMMAND:
            self._parse_command(body)
            return None
        if not self.is_ready:
            raise BadMessage(lazy_text("A message arrived before the ZMTP handshake."))
        self._frames.append(body)
        self._frames_bytes += len(body)
        if len(self._frames) > self.limits.frames or (flags & MORE and len(self._frames) == self.limits.frames):
            raise BadMessage(lazy_text("A message has over {limit} frames.", limit=self.limits.frames))
        if flags & MORE:
            return None
        frames, self._frames, self._frames_bytes = self._frames, [], 0
        return frames

    def _parse_command(self, body: bytearray) -> None:
        name = bytes(body[1 : 1 + body[0]]) if body else b""
        if not self.is_ready:
            if name != b"READY":
                raise BadMessage(
                    lazy_text("The other side answered the ZMTP handshake with {name}.", name=repr(name[:20]))
                )
            self.is_ready = True
        # Later commands (SUBSCRIBE or PING of a 3.1 peer) have no meaning for a DEALER of version 3.0 and are ignored.
