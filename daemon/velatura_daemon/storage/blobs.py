"""Pictures, last images and results: files with permissions 0600, named by their SHA-256, which workers map."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import shutil
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from velatura.app_dirs import make_private_folder
from velatura.errors import DiskTrouble, TooBusy, UnknownBlob
from velatura.i18n import lazy_text
from velatura.pixels import PictureRef

MAX_BLOBS = 16_384  # also limits small ones
SPARE_BYTES = 64 << 20  # of the disk, left free for others


@dataclass(frozen=True)
class Blob:
    path: Path
    size: int


class Upload:
    """A file that becomes a blob when it is complete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: memoryview) -> None:
        """Append. Raises DiskTrouble."""
        try:
            while data.nbytes:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise disk_trouble(error, self.path) from error

    def close(self) -> None:
        """May be called again: a closed descriptor could belong to another file by now."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def abandon(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


def disk_trouble(error: OSError, path: Path) -> DiskTrouble:
    """The error for a failed read or write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskTrouble(
            lazy_text(
                "The disk under {folder} is full. Free some space there, or set VELATURA_HOME to another disk.",
                folder=str(path.parent),
            )
        )
    return DiskTrouble(
        lazy_text(
            "The disk under {folder} cannot be read or written ({problem}). Free some space there, or set "
            "VELATURA_HOME to another disk.",
            folder=str(path.parent),
            problem=str(error.strerror),
        )
    )


class BlobStore:
    """When the budget is reached, the least recently used blobs are deleted first; pinned ones stay."""

    def __init__(self, folder: Path, budget: int, keep: Collection[bytes] = ()) -> None:
        """folder: its contents are deleted, except for the blobs in `keep`. budget: bytes in all. Raises
        DiskTrouble."""
        self.folder = make_private_folder(folder)
        self.budget = budget
        self.bytes_beside = 0  # of the budget, taken by files outside this folder
        self._blobs: OrderedDict[bytes, Blob] = OrderedDict()
        self._bytes = 0  # of blobs
        kept = {name.hex(): name for name in keep}
        for path in self.folder.iterdir():
            if path.name in kept and path.is_file() and not path.is_symlink():
                self._add(kept[path.name], Blob(path, path.stat().st_size))
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        self.pins: Counter[bytes] = Counter()  # how often each blob is in use
        self._promised: dict[Upload, int] = {}
        self._made = 0
        self._maps: WeakValueDictionary[bytes, mmap.mmap] = WeakValueDictionary()

    def __contains__(self, name: bytes) -> bool:
        if name in self._blobs and not self._blobs[name].path.exists():
            self._drop(name)  # somebody has deleted the file
        return name in self._blobs

    def __len__(self) -> int:
        return len(self._blobs)

    @property
    def bytes_held(self) -> int:
        """Including uploads under way."""
        return self._bytes + sum(self._promised.values())

    @property
    def bytes_in_use(self) -> int:
        """What cannot be deleted: pinned blobs, uploads under way, and what is outside this folder."""
        return sum(map(self.size_of, self.pins)) + sum(self._promised.values()) + self.bytes_beside

    def size_of(self, name: bytes) -> int:
        """0 if there is no such blob."""
        return self._blobs[name].size if name in self._blobs else 0

    def blob(self, name: bytes) -> Blob:
        """Raises UnknownBlob."""
        if name not in self:
            raise UnknownBlob(lazy_text("The daemon no longer has this picture. Restyle again."))
        self._blobs.move_to_end(name)
        return self._blobs[name]

    def fresh_path(self) -> Path:
        """An unused file name in the spool, also if another daemon uses the folder (see `server/presence.py`)."""
        self._made += 1
        return self.folder / f"new-{os.getpid()}-{self._made}"

    def begin(self, size: int) -> Upload:
        """Make room for a blob of this size and open it. Raises TooBusy, DiskTrouble."""
        make_private_folder(self.folder)
        self._make_room(size)
        try:
            free = shutil.disk_usage(self.folder).free
            if free < size + SPARE_BYTES:
                raise DiskTrouble(
                    lazy_text(
                        "The disk under {folder} has {free:.0f} MB free; this picture needs {needed:.0f} MB and "
                        "{spare:.0f} MB to spare. Free some space there, or set VELATURA_HOME to another disk.",
                        folder=str(self.folder),
                        free=free / 1e6,
                        needed=size / 1e6,
                        spare=SPARE_BYTES / 1e6,
                    )
                )
            upload = Upload(self.fresh_path())
        except OSError as error:
            raise disk_trouble(error, self.folder / "new") from error
        self._promised[upload] = size
        return upload

    def finish(self, name: bytes, upload: Upload) -> None:
        """The upload is complete and its hash is right: it becomes a blob."""
        upload.close()
        del self._promised[upload]
        self.adopt(name, upload.path)

    def abandon(self, upload: Upload) -> None:
        """Delete an upload that is wrong or not needed any more."""
        upload.abandon()
        self._promised.pop(upload, None)

    def adopt(self, name: bytes, path: Path) -> None:
        """Turn a file into a blob. Raises DiskTrouble if it is missing."""
        try:
            if name in self:
                path.unlink(missing_ok=True)
                return
            size, final = path.stat().st_size, self.folder / name.hex()
            path.replace(final)
        except OSError as error:
            raise disk_trouble(error, path) from error
        self._add(name, Blob(final, size))
        self._make_room(0, but=name)

    def are_whole(self, pictures: Iterable[PictureRef]) -> bool:
        """Whether their pixels have their full length, and their profiles are not empty."""
        return all(
            name in self
            and (self._blobs[name].size == picture.length if name == picture.blob else self._blobs[name].size > 0)
            for picture in pictures
            for name in picture.blobs
        )

    def read(self, name: bytes) -> memoryview:
        """The blob's bytes, mapped. Raises UnknownBlob."""
        blob = self.blob(name)
        mapped = self._maps.get(name)  # shared by all readers: each mapping holds a descriptor
        if mapped is None:
            with blob.path.open("rb") as file:
                mapped = self._maps[name] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return memoryview(mapped)

    def sync(self, names: Iterable[bytes]) -> None:
        """Flush them to disk. Raises DiskTrouble."""
        for name in names:
            path = self.blob(name).path
            try:
                fd = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
            except OSError as error:
                raise disk_trouble(error, path) from error

    def discard(self, names: Iterable[bytes]) -> None:
        """Delete blobs whose contents do not match their hash, so that they are sent again."""
        for name in names:
            if name in self._blobs and not self.pins[name]:
                self._drop(name)

    def pin(self, names: Iterable[bytes]) -> None:
        """Protect blobs in use from deletion; unpin as often as pinned."""
        self.pins.update(names)

    def unpin(self, names: Iterable[bytes]) -> None:
        for name in names:
            self.pins[name] -= 1
            if self.pins[name] <= 0:
                del self.pins[name]

    def _add(self, name: bytes, blob: Blob) -> None:
        self._blobs[name] = blob
        self._bytes += blob.size

    def _drop(self, name: bytes) -> None:
        blob = self._blobs.pop(name)
        self._bytes -= blob.size
        with contextlib.suppress(OSError):
            blob.path.unlink(missing_ok=True)

    def _make_room(self, size: int, but: bytes = b"") -> None:
        """Delete blobs that are not in use. Raises TooBusy if they do not suffice; then none has been deleted."""
        if size and (self.bytes_in_use + size > self.budget or len(self.pins) >= MAX_BLOBS):
            raise TooBusy(
                lazy_text(
                    "The daemon's space of {mb:.0f} MB and {files} files is full of pictures in use; {needed:.0f} MB "
                    "more do not fit. Wait for a restyle to end, or start the daemon with a larger --spool-megabytes.",
                    mb=self.budget / 1e6,
                    files=MAX_BLOBS,
                    needed=size / 1e6,
                )
            )
        for name in list(self._blobs):
            if self.bytes_held + self.bytes_beside + size <= self.budget and len(self._blobs) < MAX_BLOBS:
                return
            if not self.pins[name] and name != but:
                self._drop(name)

    def forget(self) -> None:
        """Delete all blobs that are not pinned."""
        for name in [name for name in self._blobs if not self.pins[name]]:
            self._drop(name)

    def close(self) -> None:
        """Delete what is not pinned, and all uploads."""
        self.forget()
        for upload in list(self._promised):
            self.abandon(upload)
        for path in self.folder.glob("new-*"):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
