"""CURVE keys for work between machines: who may come in here and with how much, and this machine's own pairs.

    config/keys/server.key         the pair that a daemon listens with, made when it is first asked for
    config/keys/own/NAME.key       a pair that this machine goes to another's daemon with
    config/keys/allowed/NAME.json  the public half of another machine's pair, and its limits

All 0600, in folders of 0700. Keys are told in hex: no character of them means anything to a shell.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pastiche.errors import DaemonCannotStart, PasticheError, UnsafeConnectionFile, UsageError
from pastiche.paths import Places, make_private_folder, read_private_file, write_private_file

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KEY_BYTES = 32


@dataclass(frozen=True)
class Allowance:
    """What one key may have. max_megapixels: of a picture; 0: what the daemon takes of anybody. jobs: queued and running.
    megabytes: of the spool, by its jobs, its results and what was stopped midway; 0: no limit of its own."""

    max_megapixels: float = 0.0
    jobs: int = 4
    megabytes: int = 2048


@dataclass(frozen=True)
class AllowedKey:
    """Another machine that may come in. public: 32 bytes."""

    name: str
    public: bytes
    allowance: Allowance = Allowance()


@dataclass(frozen=True)
class Pair:
    """Halves of 32 bytes."""

    public: bytes
    secret: bytes = field(repr=False)


class Keys:
    """The files of one user."""

    def __init__(self, places: Places) -> None:
        self.folder = places.config / "keys"

    @property
    def own_folder(self) -> Path:
        return self.folder / "own"

    @property
    def allowed_folder(self) -> Path:
        return self.folder / "allowed"

    # --- this machine's pairs ----------------------------------------------------------------------------
    def server(self) -> Pair:
        """The pair to listen with; made at first need. Raises DiskTrouble, UnsafeConnectionFile."""
        path = self.folder / "server.key"
        try:
            return read_pair(path)
        except FileNotFoundError:
            return _make_pair(path)

    def make_own(self, name: str) -> tuple[Path, Pair]:
        """A pair to go to another machine with. Returns its file, too. Raises UsageError where there is one of that name."""
        path = self.own_folder / f"{checked_name(name)}.key"
        if path.exists():
            raise UsageError(f"There is a key {name} already: {path}. Use it, or give another name.")
        return path, _make_pair(path)

    def own(self) -> dict[str, Path]:
        """This machine's own pairs, by name."""
        return {path.stem: path for path in sorted(self.own_folder.glob("*.key"))}

    def own_for(self, chosen: str) -> Pair:
        """The pair to go to another machine with. chosen: its file; '': the only one there is. Raises PasticheError."""
        if chosen:
            try:
                return read_pair(Path(chosen).expanduser())
            except FileNotFoundError:
                raise UsageError(f"There is no key {chosen}. Make one with 'pastiche keys new NAME'.") from None
        own = self.own()
        if len(own) != 1:
            raise UsageError(
                f"There are {len(own)} keys in {self.own_folder}: say which with --client-key FILE." if own
                else "This machine has no key to go to another's daemon with. Make one with 'pastiche keys new NAME'; it says what to do with it."
            )  # fmt: skip
        return read_pair(next(iter(own.values())))

    # --- who may come in ---------------------------------------------------------------------------------
    def allow(self, name: str, public: str, allowance: Allowance) -> AllowedKey:
        """Let a key in, or change what it may have. Raises UsageError where the name is another key's, or the key another name's."""
        key = AllowedKey(checked_name(name), key_from(public), allowance)
        for other in self.allowed().values():
            if (other.name == key.name) != (other.public == key.public):
                raise UsageError(
                    f"The name {name} is another key's. Revoke that first: 'pastiche keys revoke {name}'." if other.name == key.name
                    else f"This key is allowed already, by the name {other.name}."
                )  # fmt: skip
        said = {"public": key.public.hex(), **asdict(allowance)}
        write_private_file(self.allowed_folder / f"{key.name}.json", json.dumps(said, indent=1).encode())
        return key

    def revoke(self, name: str) -> None:
        """Raises UsageError where there is none of that name."""
        try:
            (self.allowed_folder / f"{checked_name(name)}.json").unlink()
        except FileNotFoundError:
            raise UsageError(f"No key of the name {name} is allowed; 'pastiche keys list' shows them.") from None

    def allowed(self) -> dict[bytes, AllowedKey]:
        """By public half. A file that is damaged or not this user's alone lets nobody in. Raises OSError where none can be read now:
        no descriptor left, say; that says nothing about who is allowed."""
        keys = [_allowed_from(path) for path in sorted(self.allowed_folder.glob("*.json"))]
        return {key.public: key for key in keys if key is not None}

    def stamp(self) -> Mapping[str, Any]:
        """Differs after any change to who may come in. Raises OSError as `allowed` does."""
        try:
            with os.scandir(self.allowed_folder) as entries:
                found = {entry.name: entry.stat() for entry in entries}
        except FileNotFoundError:
            return {}
        return {name: (info.st_mtime_ns, info.st_size, info.st_ino) for name, info in found.items()}


WANTS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # of the machine's, not of the file


def checked_name(name: str) -> str:
    """Raises UsageError for what cannot be a key's name."""
    if not NAME.fullmatch(name):
        raise UsageError(f"A key's name has up to 64 letters, digits, dots, dashes and underscores; {name[:80]!r} has others.")
    return name


def key_from(text: str) -> bytes:
    """The 32 bytes of a key, from hex or from ZeroMQ's own Z85. Raises UsageError."""
    from zmq.utils import z85

    text = text.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else z85.decode(text.encode()) if len(text) == 40 else b""
    except (ValueError, KeyError):
        key = b""
    if len(key) != KEY_BYTES:
        raise UsageError(f"A public key is {2 * KEY_BYTES} hexadecimal digits, as 'pastiche keys' prints it; {text[:80]!r} is not one.")
    return key


def read_pair(path: Path) -> Pair:
    """Raises FileNotFoundError, UnsafeConnectionFile."""
    try:
        said = json.loads(read_private_file(path))
        return Pair(_half(said["public"]), _half(said["secret"]))
    except (ValueError, KeyError, TypeError):
        raise UnsafeConnectionFile(f"{path} is damaged. Remove it, and make a key anew with 'pastiche keys'.") from None


def _half(text: str) -> bytes:
    half = bytes.fromhex(text)
    if len(half) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return half


def _make_pair(path: Path) -> Pair:
    import zmq
    from zmq.utils import z85

    if not zmq.has("curve"):
        raise DaemonCannotStart("This ZeroMQ library has no CURVE, so no other machine can be talked to. Install pyzmq from the package index.")
    public, secret = (z85.decode(half) for half in zmq.curve_keypair())
    make_private_folder(path.parent.parent)
    write_private_file(path, json.dumps({"public": public.hex(), "secret": secret.hex()}, indent=1).encode())
    return Pair(public, secret)


def _allowed_from(path: Path) -> AllowedKey | None:
    try:
        said = json.loads(read_private_file(path))
        allowance = Allowance(float(said["max_megapixels"]), int(said["jobs"]), int(said["megabytes"]))
        return AllowedKey(checked_name(path.stem), _half(said["public"]), allowance)
    except PasticheError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in WANTS:
            raise error.__cause__ from None
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
