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
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    what = "is full" if full else f"cannot be read or written ({error.strerror})"
    return DiskTrouble(
        f"The disk under {path.parent} {what}. Free some space there, or set VELATURA_HOME to another disk."
    )


class BlobStore:
    """When the budget is reached, the least recently used blobs are deleted first; pinned ones stay."""

    def __init__(self, folder: Path, budget: int, keep: Collection[bytes] = ()) -> None:
        """folder: its contents are deleted, except for the blobs in `keep`. budget: bytes in all. Raises
        DiskTrouble."""
        self.folder = make_private_folder(folder)
        self.budget = budget
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
        self._pins: Counter[bytes] = Counter()
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

    def blob(self, name: bytes) -> Blob:
        """Raises UnknownBlob."""
        if name not in self:
            raise UnknownBlob("The daemon does not have this picture any more. Restyle again.")
        self._blobs.move_to_end(name)
        return self._blobs[name]

    def fresh_path(self) -> Path:
        """An unused file name in the spool."""
        self._made += 1
        return self.folder / f"new-{self._made}"

    def begin(self, size: int) -> Upload:
        """Make room for a blob of this size and open it. Raises TooBusy, DiskTrouble."""
        make_private_folder(self.folder)
        self._make_room(size)
        try:
            free = shutil.disk_usage(self.folder).free
            if free < size + SPARE_BYTES:
                raise DiskTrouble(
                    f"The disk under {self.folder} has {free / 1e6:.0f} MB free; this picture needs {size / 1e6:.0f} "
                    "MB and "
                    f"{SPARE_BYTES / 1e6:.0f} MB to spare. Free some space there, or set VELATURA_HOME to another disk."
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
            if name in self._blobs and not self._pins[name]:
                self._drop(name)

    def pin(self, names: Iterable[bytes]) -> None:
        """Protect blobs in use from deletion; unpin as often as pinned."""
        self._pins.update(names)

    def unpin(self, names: Iterable[bytes]) -> None:
        for name in names:
            self._pins[name] -= 1
            if self._pins[name] <= 0:
                del self._pins[name]

    def _add(self, name: bytes, blob: Blob) -> None:
        self._blobs[name] = blob
        self._bytes += blob.size

    def _drop(self, name: bytes) -> None:
        blob = self._blobs.pop(name)
        self._bytes -= blob.size
        with contextlib.suppress(OSError):
            blob.path.unlink(missing_ok=True)

    def _make_room(self, size: int, but: bytes = b"") -> None:
        for name in list(self._blobs):
            if self.bytes_held + size <= self.budget and len(self._blobs) < MAX_BLOBS:
                return
            if not self._pins[name] and name != but:
                self._drop(name)
        if size and self.bytes_held + size > self.budget:
            raise TooBusy(
                f"The daemon's spool of {self.budget / 1e6:.0f} MB is full of pictures of running jobs; "
                f"{size / 1e6:.0f} MB "
                "more do not fit. Wait for a job to end, or start the daemon with a larger --spool-megabytes."
            )

    def forget(self) -> None:
        """Delete all blobs that are not pinned."""
        for name in [name for name in self._blobs if not self._pins[name]]:
            self._drop(name)

    def close(self) -> None:
        """Delete what is not pinned, and all uploads."""
        self.forget()
        for upload in list(self._promised):
            self.abandon(upload)
        for path in self.folder.glob("new-*"):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
