"""The messages of the handshake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from velatura.protocol.messages.base import Message


@dataclass(frozen=True)
class Hello(Message):
    """client → daemon: the first message.

    Attributes:
        version: The version of the protocol: major, minor.
        nonce: 32 random bytes.
        client_id: The same at each run of the program; results belong to it.
        program: The program's name.
        build: The build id in the connection file, or empty.
    """

    type: ClassVar[str] = "hello"
    version: list[int]
    nonce: bytes
    client_id: str
    program: str
    build: str = ""


@dataclass(frozen=True)
class Challenge(Message):
    """daemon → client: the daemon proves that it knows the key, and asks the client to do so.

    Attributes:
        version: The version of the protocol: major, minor.
        nonce: 32 random bytes.
        proof: The daemon's proof (`auth.proof`).
    """

    type: ClassVar[str] = "challenge"
    version: list[int]
    nonce: bytes
    proof: bytes


@dataclass(frozen=True)
class Proof(Message):
    """client → daemon: the client proves that it knows the key.

    Attributes:
        proof: The client's proof (`auth.proof`).
    """

    type: ClassVar[str] = "proof"
    proof: bytes


@dataclass(frozen=True)
class Welcome(Message):
    """daemon → client: the handshake is complete.

    Attributes:
        session_id: 16 random bytes that every later header repeats.
        build: The daemon's build id.
        heartbeat: Seconds; the jobs of a client that misses two are parked.
        idle: Whether nothing is to be done.
        limits: max_megapixels and others.
        results: Finished results that were not fetched yet.
    """

    type: ClassVar[str] = "welcome"
    session_id: bytes
    build: str
    heartbeat: float
    idle: bool
    limits: dict[str, Any]
    results: list[Any]
