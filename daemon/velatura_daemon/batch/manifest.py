"""What was made in a folder, of what and how: so that a batch goes on where it stopped, and writes over nobody else's
files.

A file of JSON lines in the folder, one a result, the last of a name counts. Where a line is missing (a command killed
between a picture and its line) the result's own description says the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from velatura.client.locks import Lock
from velatura.errors import DiskTrouble, TooBusy
from velatura_daemon.batch.file_hashes import Look, hash_of_file, look_of
from velatura_daemon.batch.frames import LEDGER, Frame
from velatura_daemon.batch.recipe import Recipe, key_of


@dataclass(frozen=True)
class Seen:
    """A picture when it was read."""

    look: Look
    hash: str


@dataclass(frozen=True)
class Entry:
    """A result in the folder. recipe: its key. photo: the picture's file name; the rest as in Seen, of the picture and
    of the result."""

    name: str
    recipe: str
    photo: str
    photo_look: Look
    photo_hash: str
    look: Look
    hash: str


class Manifest:
    """Open, it is this process's alone. Several threads may note."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises TooBusy where another batch is at work in it, DiskTrouble."""
        self.folder = folder
        path = folder / LEDGER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(path)
        except OSError as error:
            raise DiskTrouble(
                f"{folder} cannot be written to ({error.strerror}). Give another folder with --out."
            ) from error
        if not self._lock.acquire(patience=1.0):
            self._lock.close()
            raise TooBusy(
                f"Another 'velatura batch' is at work in {folder}. Wait for it, or give another folder with --out."
            )
        said = path.read_bytes()
        self._entries = _entries(said)
        self._one_at_a_time = threading.Lock()
        if said and not said.endswith(b"\n"):
            self._append(b"\n")  # a line that was cut off is not to spoil the next

    def has(self, frame: Frame, recipe: Recipe) -> bool:
        """Whether its result lies there, made of this very picture by this very recipe. Reads the picture where its
        file has been written anew."""
        if not frame.output.is_file():
            return False
        entry = self._entries.get(frame.output.name)
        try:
            if entry is None or (
                entry.recipe != recipe.key and look_of(frame.output) != entry.look
            ):  # written since the last line
                return _key_said_in(frame.output) == recipe.key_with(hash_of_file(frame.photo))
            if (entry.recipe, entry.photo) != (recipe.key, frame.photo.name):
                return False
            return look_of(frame.photo) == entry.photo_look or hash_of_file(frame.photo) == entry.photo_hash
        except OSError:
            return False  # reading it will say what is wrong

    def has_made(self, path: Path, key: str) -> bool:
        """Whether this result lies here, written by the recipe and of the picture that the key names."""
        entry = self._entries.get(path.name)
        return (
            entry is not None
            and path.is_file()
            and path.parent == self.folder.resolve()
            and key == key_of(entry.recipe, entry.photo_hash)
        )

    def may_write(self, path: Path) -> bool:
        """Whether nothing lies there, or what was written here and nobody has changed since."""
        if not os.path.lexists(path):
            return True
        entry = self._entries.get(path.name)
        try:
            return entry is not None and (look_of(path) == entry.look or hash_of_file(path) == entry.hash)
        except OSError:
            return False

    def note(self, path: Path, recipe: str = "", photo: str = "", seen: Seen | None = None) -> None:
        """A result was written there. Without the rest: it is nobody's picture, as the contact sheet is. Raises
        DiskTrouble."""
        nobody = Seen(Look(0, 0), "")
        try:
            look, content = look_of(path), hash_of_file(path)
            entry = Entry(path.name, recipe, photo, *_as_pair(seen or nobody), look, content)
            line = json.dumps(asdict(entry)).encode() + b"\n"
            with self._one_at_a_time:
                self._append(line)
                self._entries[path.name] = entry
        except OSError as error:
            raise DiskTrouble(
                f"What was made cannot be noted in {self.folder / LEDGER} ({error.strerror}). Make room there."
            ) from error

    def _append(self, line: bytes) -> None:
        """All of it or nothing: half a line would spoil the next. Raises OSError."""
        end = os.lseek(self._lock.fd, 0, os.SEEK_END)
        rest = memoryview(line)
        try:
            while rest.nbytes:
                rest = rest[os.write(self._lock.fd, rest) :]
        except OSError:
            os.ftruncate(self._lock.fd, end)
            raise

    def close(self) -> None:
        self._lock.close()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _as_pair(seen: Seen) -> tuple[Look, str]:
    return seen.look, seen.hash


def _entries(lines: bytes) -> dict[str, Entry]:
    """By name. A line that was cut off says nothing."""
    entries = {}
    for line in lines.splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            said = json.loads(line)
            said = {**said, "photo_look": Look(*said["photo_look"]), "look": Look(*said["look"])}
            entries[said["name"]] = Entry(**said)
    return entries


def _key_said_in(path: Path) -> str | None:
    from velatura_daemon.imaging.files import read_description

    with contextlib.suppress(Exception):  # a file of anybody's: a decoder raises anything
        return str(json.loads(read_description(path))["batch"])
    return None
