"""Formats whose decoders run in a process of their own (`codec_process`): HEIC, AVIF, JPEG XL, EXR, and TIFFs that
libtiff decodes."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from velatura.errors import NotAPicture, UsageError
from velatura.i18n import lazy_text
from velatura.i18n.wire import text_from_wire
from velatura_daemon.imaging.files.limits import CODEC_WAIT_SECONDS, MAX_METADATA_VALUE, MAX_PROFILE_BYTES
from velatura_daemon.imaging.files.options import Pages, ReadOptions, SizeCheck
from velatura_daemon.imaging.files.raster import CHANNEL_NAMES, DTYPES, Array, Raster

SUFFIXES = frozenset({".heic", ".heif", ".hif", ".avif", ".jxl", ".exr"})
LIBRARIES = {"HEIC": "pillow_heif", "EXR": "OpenEXR"}  # of the extra `formats`; the others' are always installed
NOT_INSTALLED = {
    "HEIC": lazy_text(
        'This is a HEIC picture. Install support with pip install "velatura[formats]", or convert it to PNG or JPEG.'
    ),
    "EXR": lazy_text(
        'This is an EXR picture. Install support with pip install "velatura[formats]", or convert it to TIFF.'
    ),
}
WITH_METADATA = ("HEIC", "AVIF", "JPEG XL")  # not translated: names
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
BRAND_BYTES = 64  # of the ftyp box, in which the brands are
TRUNCATED = "image"  # the kind of a truncated file of another format, to be salvaged
TIFF = "TIFF"  # one that libtiff decodes
JPEG_XL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
EXR_START = b"v/1\x01"
PACKAGES = Path(__file__).parents[3]  # the folder of velatura_daemon
MAX_REPLY = 1 << 16  # bytes of a line
PASSED_ON = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # of the environment


def kind_of(start: bytes) -> str:
    """Return the format's name from the first BRAND_BYTES of a file, '' if it is none of these."""
    if start[4:8] == b"ftyp":
        end = min(int.from_bytes(start[:4], "big"), BRAND_BYTES)
        brands = [start[8:12], *(start[at : at + 4] for at in range(16, end, 4))]
        if b"avif" in brands or b"avis" in brands:
            return "AVIF"
        return "HEIC" if start[8:12] in HEIF_BRANDS else ""
    if start.startswith(JPEG_XL_STARTS):
        return "JPEG XL"  # not translated: a name
    return "EXR" if start.startswith(EXR_START) else ""


def decode(kind: str, path: Path, check_size: SizeCheck, options: ReadOptions) -> Raster:
    """Decode at the depth of the file. Raises UsageError, NotAPicture, and what check_size raises."""
    if not _is_installed(kind):
        raise NotAPicture(NOT_INSTALLED[kind])
    with _codec() as process:
        opened = _ask(process, {"kind": kind, "path": str(path.absolute()), "page": options.page}, kind)
        width, height = int(opened["width"]), int(opened["height"])
        pages = Pages(int(opened["pages"]["count"]), str(opened["pages"]["noun"]))
        pages.index_of(options.page)
        check_size(width, height)
        decoded = _ask(process, True, kind)
        shape, dtype = tuple(map(int, decoded["shape"])), np.dtype(decoded["dtype"])
        is_picture = len(shape) == 3 and shape[2] in CHANNEL_NAMES and dtype.str in map(_stored, DTYPES.values())
        if not is_picture or sorted(shape[:2]) != sorted((width, height)):
            raise NotAPicture(lazy_text("Its picture does not have the size that its header gives. Save it again."))
        check_size(shape[1], shape[0])  # a turned JPEG XL
        if decoded["profile"] > MAX_PROFILE_BYTES:  # the process leaves such a one out
            raise _died(kind)
        profile = _exactly(process, int(decoded["profile"]), kind)
        pixels: Array = np.empty(shape, dtype)
        _fill(process, pixels.reshape(-1).view(np.uint8).data, kind)
    return Raster(pixels, str(decoded["curve"]), profile, pages, tuple(map(_received, decoded["notes"])))


def metadata(kind: str, path: Path) -> tuple[bytes, bytes]:
    """Return the EXIF data and the XMP packet of a file, b'' if there is none. Raises NotAPicture."""
    if kind not in WITH_METADATA or not _is_installed(kind):
        return b"", b""
    with _codec() as process:
        reply = _ask(process, {"kind": kind, "path": str(path.absolute()), "metadata": True}, kind)
        exif, xmp = (_exactly(process, min(int(size), MAX_METADATA_VALUE), kind) for size in reply["sizes"])
    return exif, xmp


def _is_installed(kind: str) -> bool:
    library = LIBRARIES.get(kind)
    return library is None or importlib.util.find_spec(library) is not None


def _stored(dtype: str) -> str:
    return str(np.dtype(dtype).str)


@contextlib.contextmanager
def _codec() -> Iterator[subprocess.Popen[bytes]]:
    """Start the process; it is ended with the block. It has no secrets: little of the environment is passed on."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {
        "PYTHONPATH": os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path if folder),
        "OMP_NUM_THREADS": "1",  # each thread reserves memory that would count
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    command = [sys.executable, "-s", "-m", "velatura_daemon.imaging.files.codec_process"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=PACKAGES,  # with -m, Python imports from there first; the user's folder may have a numpy.py
    ) as process:
        # Processor time is limited in the process itself; this is for one that waits, as threads may for each other.
        watchdog = threading.Timer(CODEC_WAIT_SECONDS, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()
            with contextlib.suppress(BrokenPipeError):  # a question that was never read is sent once more on closing
                _pipe(process.stdin).close()


def _ask(process: subprocess.Popen[bytes], question: Any, kind: str) -> dict[str, Any]:
    """Send a line, and return the reply. Raises NotAPicture if the codec refuses the file, or has died of it."""
    with contextlib.suppress(BrokenPipeError):
        _pipe(process.stdin).write(json.dumps(question).encode() + b"\n")
        _pipe(process.stdin).flush()
    line = _pipe(process.stdout).readline(MAX_REPLY)
    if not line.endswith(b"\n"):
        raise _died(kind)
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise (UsageError if reply["code"] == UsageError.code else NotAPicture)(_received(reply["error"]))
    if "damaged" in reply:
        raise NotAPicture(
            lazy_text(
                "Its {format} data is damaged or truncated ({problem}). Copy or download it again.",
                format=kind,
                problem=str(reply["damaged"]),
            )
        )
    return reply


def _received(sentence: Any) -> str:
    """A sentence as the process sends it."""
    return text_from_wire(str(sentence["english"]), sentence) if isinstance(sentence, dict) else str(sentence)


def _exactly(process: subprocess.Popen[bytes], size: int, kind: str) -> bytes:
    data = bytearray(size)
    _fill(process, memoryview(data), kind)
    return bytes(data)


def _fill(process: subprocess.Popen[bytes], place: memoryview, kind: str) -> None:
    while place:
        count = _pipe(process.stdout).readinto(place)  # type: ignore[attr-defined]
        if not count:
            raise _died(kind)
        place = place[count:]


def _died(kind: str) -> NotAPicture:
    return NotAPicture(
        lazy_text(
            "The {format} decoder stopped while reading it; the file may be damaged. Convert it to PNG or TIFF.",
            format=kind,
        )
    )


def _pipe(pipe: Any) -> BinaryIO:
    assert pipe is not None
    file: BinaryIO = pipe
    return file
