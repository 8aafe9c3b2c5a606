"""The record of the results in a folder: which picture and recipe each was made from. With it, a batch continues where
it stopped, and never overwrites files that it did not write.

The manifest is a file of JSON lines in the folder, one per result; the last line for a name counts. If a line is
missing because the command was killed between writing a picture and its line, the metadata of the result provides the
same information.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from velatura.client.locks import PATIENCE, Lock
from velatura.errors import DiskTrouble, TooBusy
from velatura.i18n import lazy_text
from velatura_daemon.batch.file_hashes import FileStat, hash_of_file, stat_of
from velatura_daemon.batch.frames import MANIFEST_FILE, Frame
from velatura_daemon.batch.recipe import Recipe, key_of
from velatura_daemon.user_paths import is_file, make_folder, meaning, real_path, unwritable


@dataclass(frozen=True)
class Fingerprint:
    """A file at the time it was read. hash: SHA-256 of its content in hex."""

    stat: FileStat
    hash: str


@dataclass(frozen=True)
class Entry:
    """A result in the folder. name: its place there, such as 'a.png' or 'monday/a.png'. recipe: key of the recipe.
    photo: name of the picture's frame.
    photo_stat, photo_hash: fingerprint of the picture; stat, hash: of the result."""

    name: str
    recipe: str
    photo: str
    photo_stat: FileStat
    photo_hash: str
    stat: FileStat
    hash: str


class Manifest:
    """While open, it is locked for this process. `note` may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        """Open the manifest; creates the folder. Raises TooBusy if another batch is using the folder, DiskTrouble."""
        self.folder = folder
        self._resolved = real_path(folder)
        path = folder / MANIFEST_FILE
        self._made_folders = make_folder(folder)
        try:
            self._lock = Lock(path)
            # The one that has just ended may have deleted it, because nothing was recorded.
            free = self._lock.acquire(PATIENCE) and (self._lock.is_current or self._lock.renew())
        except OSError as error:
            raise unwritable(path, error) from error
        if not free:
            self._lock.close()
            raise TooBusy(
                lazy_text(
                    "Another 'velatura batch' or 'velatura compare' is using {folder}. Wait for it to finish, or give "
                    "another folder with --out.",
                    folder=str(folder),
                )
            )
        content = path.read_bytes()
        self._entries = _entries(content)
        self._append_lock = threading.Lock()
        if content and not content.endswith(b"\n"):
            self._append(b"\n")  # an incomplete last line must not corrupt the next one

    def has(self, frame: Frame, recipe: Recipe) -> bool:
        """Whether the frame's result exists, made from exactly this picture by exactly this recipe. Reads the picture
        only if its file has changed."""
        if not is_file(frame.output):
            return False
        entry = self._entries.get(self._place(frame.output))
        try:
            # Without an entry, or if the result was written after its entry, its metadata has the key.
            if entry is None or (entry.recipe != recipe.key and stat_of(frame.output) != entry.stat):
                return _key_in_metadata(frame.output) == recipe.key_with(hash_of_file(frame.photo))
            if (entry.recipe, entry.photo) != (recipe.key, frame.name):
                return False
            return stat_of(frame.photo) == entry.photo_stat or hash_of_file(frame.photo) == entry.photo_hash
        except OSError:
            return False  # the error is reported when the picture is read

    def has_key(self, path: Path, key: str) -> bool:
        """Whether this file is a result in this folder, made by the recipe and from the picture that the key stands
        for."""
        entry = self._entries.get(self._place(path))
        return entry is not None and is_file(path) and key == key_of(entry.recipe, entry.photo_hash)

    def may_write(self, path: Path) -> bool:
        """Whether the path is free, or holds a file that this command wrote and nobody has changed since."""
        if not os.path.lexists(path):
            return True
        entry = self._entries.get(self._place(path))
        try:
            return entry is not None and (stat_of(path) == entry.stat or hash_of_file(path) == entry.hash)
        except OSError:
            return False

    def note(self, path: Path, recipe: str = "", photo: str = "", fingerprint: Fingerprint | None = None) -> None:
        """Record that a result was written. Without the other arguments, the file was not made from a picture, as the
        contact sheet. Raises DiskTrouble."""
        picture, place = fingerprint or Fingerprint(FileStat(0, 0), ""), self._place(path)
        try:
            stat, content_hash = stat_of(path), hash_of_file(path)
            entry = Entry(place, recipe, photo, picture.stat, picture.hash, stat, content_hash)
            line = json.dumps(asdict(entry)).encode() + b"\n"
            with self._append_lock:
                self._append(line)
                self._entries[place] = entry
        except OSError as error:
            raise DiskTrouble(
                lazy_text(
                    "The result cannot be recorded in {file} ({why}). Free some space.",
                    file=str(self.folder / MANIFEST_FILE),
                    why=meaning(error, path),
                )
            ) from error

    def make_folder_for(self, path: Path) -> None:
        """Create the folder of a result. Raises UsageError, DiskTrouble."""
        self._made_folders += make_folder(path.parent)

    def _place(self, path: Path) -> str:
        """Return the name of a file's entry: its place in the folder; '' if it is elsewhere."""
        for folder in (self.folder, self._resolved):
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
        return ""

    def _append(self, line: bytes) -> None:
        """Append the line completely or not at all: a partial line would corrupt the next one. Raises OSError."""
        end = os.lseek(self._lock.fd, 0, os.SEEK_END)
        rest = memoryview(line)
        try:
            while rest.nbytes:
                rest = rest[os.write(self._lock.fd, rest) :]
        except OSError:
            os.ftruncate(self._lock.fd, end)
            raise

    def close(self) -> None:
        """Nothing is left behind if nothing was recorded: neither an empty manifest nor an empty folder."""
        with contextlib.suppress(OSError):
            if not os.fstat(self._lock.fd).st_size:
                (self.folder / MANIFEST_FILE).unlink()
        self._lock.close()
        for folder in sorted(self._made_folders, key=lambda folder: -len(folder.parts)):
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _entries(lines: bytes) -> dict[str, Entry]:
    """Parse the lines; returns entries by name. Incomplete lines are ignored."""
    entries = {}
    for line in lines.splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            fields = json.loads(line)
            fields |= {"photo_stat": FileStat(*fields["photo_stat"]), "stat": FileStat(*fields["stat"])}
            entries[fields["name"]] = Entry(**fields)
    return entries


def _key_in_metadata(path: Path) -> str | None:
    """Return the key stored in a result's metadata, or None."""
    from velatura_daemon.imaging.files import read_description

    with contextlib.suppress(Exception):  # it may be any file, and decoders raise anything
        return str(json.loads(read_description(path))["batch"])
    return None
