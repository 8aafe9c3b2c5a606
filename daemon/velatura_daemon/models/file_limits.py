"""What a weights file may contain, checked in its directory or header before anything in it is read."""

from __future__ import annotations

import json
import pickletools
import struct
import zipfile
from pathlib import Path
from typing import IO, Any, BinaryIO

from velatura.errors import BadWeights
from velatura.i18n import Text, lazy_text, sentences

MAX_TENSORS = 2000  # VGG19 has 38 with its classifier, the largest published networks some hundreds
MAX_HEADER_BYTES = 1 << 20  # of names, types and shapes: about 100 per tensor
MAX_FILE_BYTES = 2 << 30  # VGG19 with its classifier has 0.6 GB in float32, 1.2 in double precision
# Instructions of the pickle in a .pth: about 40 per tensor. An old .pth has no other directory.
MAX_PICKLE_STEPS = 40 * MAX_TENSORS
ZIP_START, ZIP_END, ZIP64_LOCATOR = b"PK\3\4", b"PK\5\6", b"PK\6\7"
ZIP_END_BYTES, ZIP_COMMENT_BYTES = 22, 65535
ADVICE = lazy_text("Use a plain state dict of VGG19, as torch.save writes it, or a .safetensors file.")
LARGE_HEADER = lazy_text("The header of {file} has {mb:.1f} MB; up to {limit:.1f} are allowed.")
LARGE_DIRECTORY = lazy_text("The zip directory of {file} has {mb:.1f} MB; up to {limit:.1f} are allowed.")
LARGE_LIST = lazy_text("The list of tensors in {file} has {mb:.1f} MB; up to {limit:.1f} are allowed.")
MANY_TENSORS = lazy_text("{file} has more than {limit:,} tensors, which is the limit.")
MANY_ENTRIES = lazy_text("{file} has more than {limit:,} entries, which is the limit.")
MANY_VALUES = lazy_text("{file} has more than {limit:,} values in its list of tensors, which is the limit.")


def is_zip(path: Path) -> bool:
    """Whether a .pth has the format that torch.save has written since version 1.6."""
    with path.open("rb") as file:
        return file.read(4) == ZIP_START


def safetensors_header(path: Path) -> dict[str, Any]:
    """Return the header of a .safetensors file. Raises BadWeights, OSError; ValueError if it is not such a file."""
    _check_size(path)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError("its header is incomplete")
        if length > MAX_HEADER_BYTES:
            raise _too_large(LARGE_HEADER, path, length)
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is not a map of names")
    if len(header) > MAX_TENSORS:
        raise _too_many(MANY_TENSORS, path, MAX_TENSORS)
    return header


def check_pth(path: Path) -> None:
    """Raises BadWeights, OSError; whatever zipfile and pickletools raise if it is not such a file."""
    _check_size(path)
    if not is_zip(path):
        with path.open("rb") as file:
            _check_pickles(path, file, 5)  # magic number, version, system, the state dict, names of its storages
        return
    with path.open("rb") as file:
        directory = _directory_bytes(file)
    if directory > MAX_HEADER_BYTES:
        raise _too_large(LARGE_DIRECTORY, path, directory)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_TENSORS:
            raise _too_many(MANY_ENTRIES, path, MAX_TENSORS)
        if any(
            entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size for entry in entries
        ):
            compressed = lazy_text("{file} has compressed entries, which may unpack to any size.", file=path.name)
            raise BadWeights(sentences(compressed, ADVICE))
        for entry in entries:
            if entry.filename.endswith("data.pkl"):
                if entry.file_size > MAX_HEADER_BYTES:
                    raise _too_large(LARGE_LIST, path, entry.file_size)
                with archive.open(entry) as file:
                    _check_pickles(path, file, 1)


def _directory_bytes(file: BinaryIO) -> int:
    """Return the size of a zip file's central directory, which zipfile would read completely; 0 if there is none."""
    length = file.seek(0, 2)
    start = max(0, length - ZIP_END_BYTES - ZIP_COMMENT_BYTES)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(ZIP_END)
    if at < 0 or len(tail) < at + ZIP_END_BYTES:
        return 0
    (size,) = struct.unpack_from("<I", tail, at + 12)
    if at >= 20 and tail[at - 20 : at - 16] == ZIP64_LOCATOR:
        (offset,) = struct.unpack_from("<Q", tail, at - 12)
        file.seek(min(offset, length))
        record = file.read(56)
        size = max(size, struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else 0)
    return int(size)


class _Limited:
    """Reads no more at a time than a list of tensors may have: Python allocates the requested size, and a pickle may
    request any."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, MAX_HEADER_BYTES))

    def readline(self) -> bytes:
        return self._file.readline(MAX_HEADER_BYTES)


def _check_pickles(path: Path, whole_file: IO[bytes], count: int) -> None:
    file: Any = _Limited(whole_file)  # all that genops needs
    steps = 0
    for _ in range(count):
        before, tuples = "", set()
        for opcode, argument, _ in pickletools.genops(file):
            steps += 1
            if steps > MAX_PICKLE_STEPS:
                raise _too_many(MANY_VALUES, path, MAX_PICKLE_STEPS)
            if opcode.name.endswith("PUT") and before.startswith("TUPLE"):
                tuples.add(argument)
            elif opcode.name.endswith("GET") and argument in tuples:
                # Each level of (a, a), (b, b) … doubles the time to hash it as a name. torch.save repeats no tuple.
                repeated = lazy_text(
                    "{file} repeats a tuple in its list of tensors, which is not allowed.", file=path.name
                )
                raise BadWeights(sentences(repeated, ADVICE))
            if opcode.name != "PROTO":  # it leaves the value before it in place
                before = opcode.name


def _check_size(path: Path) -> None:
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise BadWeights(
            lazy_text(
                "{file} has {gb:.1f} GB; up to {limit:.1f} are allowed. It is not VGG19.",
                file=path.name,
                gb=size / 1e9,
                limit=MAX_FILE_BYTES / 1e9,
            )
        )


def _too_large(sentence: Text, path: Path, size: int) -> BadWeights:
    return BadWeights(sentences(sentence.format(file=path.name, mb=size / 1e6, limit=MAX_HEADER_BYTES / 1e6), ADVICE))


def _too_many(sentence: Text, path: Path, limit: int) -> BadWeights:
    return BadWeights(sentences(sentence.format(file=path.name, limit=limit), ADVICE))
