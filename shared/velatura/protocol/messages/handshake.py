"""The messages of the handshake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from velatura.protocol.messages.base import Message


@dataclass(frozen=True)
class Hello(Message):
    """client → daemon: the first message.

    nonce: 32 random bytes. client_id: the same at each run of the program; results belong to it.
    """

    type: ClassVar[str] = "hello"
    version: list[int]
    nonce: bytes
    client_id: str
    program: str
    build: str = ""


@dataclass(frozen=True)
class Challenge(Message):
    """daemon → client: the daemon's nonce, and its proof that it knows the key."""

    type: ClassVar[str] = "challenge"
    version: list[int]
    nonce: bytes
    proof: bytes


@dataclass(frozen=True)
class Proof(Message):
    """client → daemon: the proof that the client knows the key."""

    type: ClassVar[str] = "proof"
    proof: bytes


@dataclass(frozen=True)
class Welcome(Message):
    """daemon → client: the handshake is complete.

    session_id: 16 random bytes that every later header repeats. heartbeat: seconds; the jobs of a client that misses
    two are parked. limits: max_megapixels and others. results: finished results that were not fetched yet.
    """

    type: ClassVar[str] = "welcome"
    session_id: bytes
    build: str
    heartbeat: float
    idle: bool
    limits: dict[str, Any]
    results: list[Any]
