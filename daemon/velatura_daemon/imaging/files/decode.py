"""Decoding any supported picture file to a Raster. Errors of the decoders are turned into messages for the user."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from velatura.errors import NotAPicture, OutOfMemory, UsageError, VelaturaError
from velatura.i18n import Text, lazy_text, sentences
from velatura_daemon.imaging.files.limits import MAX_PROFILE_BYTES
from velatura_daemon.imaging.files.options import OR_SALVAGE, ReadOptions, SizeCheck
from velatura_daemon.imaging.files.raster import Raster
from velatura_daemon.user_paths import exists, is_file, is_folder, shown, unreadable

FIRST = ReadOptions()
START_BYTES = 128
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Parts of the messages with which Pillow, libpng and tifffile report a truncated file.
TRUNCATION_PHRASES = (  # not translated: they are compared
    "truncated",
    "input stream too small",
    "only got",
    "failed to read",
    "unexpected end",
    "not enough",
)


class PictureFile(io.BufferedReader):
    """A file whose read() never asks for more bytes than the file has: Python allocates the requested size, and a
    damaged header may request any size."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def decode(path: Path, check_size: SizeCheck, options: ReadOptions = FIRST) -> Raster:
    """Decode one picture of a file. check_size is called with the size in the header before any pixel is decoded.
    Raises UsageError, NotAPicture, OutOfMemory, and what check_size raises."""
    with reporting_read_errors(path):
        try:
            with path.open("rb", buffering=0) as raw, PictureFile(raw) as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns about unusual metadata
                raster = _decode(path, file, check_size, options)
                return raster if len(raster.profile) <= MAX_PROFILE_BYTES else replace(raster, profile=b"")
        except VelaturaError as error:
            raise type(error)(about(path.name, error.sentence)) from error
        except MemoryError as error:
            raise OutOfMemory(
                lazy_text("{file} does not fit into this computer's memory. Scale it down first.", file=path.name)
            ) from error
        except Exception as error:  # decoders raise anything on malformed input: ValueError, struct.error, KeyError…
            if isinstance(error, OSError) and error.errno is not None:  # the system's; Pillow's own have no number
                raise
            raise NotAPicture(_describe(path.name, error, options.salvage)) from error


def about(name: str, sentence: str) -> Text:
    """What is to be said about a file, with its name."""
    # Translators: the name of a file, and a whole sentence about it.
    return lazy_text("{file}: {problem}", file=name, problem=sentence)


@contextlib.contextmanager
def reporting_read_errors(path: Path) -> Iterator[None]:
    """Around code that reads a file: turn operating system errors into messages. Raises UsageError, NotAPicture."""
    if is_folder(path):
        raise UsageError(lazy_text("{path} is a folder. Give the name of a picture file.", path=str(path)))
    if exists(path) and not is_file(path):  # opening a pipe would wait, or take from it what is read later
        raise UsageError(
            lazy_text(
                "{path} is a pipe or a device, not a file. Save the picture in a file, or pipe it to 'velatura "
                "restyle' and give '-' as its name.",
                path=shown(path),
            )
        )
    try:
        yield
    except OSError as error:
        raise unreadable(path, error) from error


def _decode(path: Path, file: BinaryIO, check_size: SizeCheck, options: ReadOptions) -> Raster:
    start = file.read(START_BYTES)
    file.seek(0)
    if not start:
        raise NotAPicture(lazy_text("The file is empty. Save or copy it again."))
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        from velatura_daemon.imaging.files import png

        return png.decode(file, check_size, options)
    if start.startswith(TIFF_STARTS):
        from velatura_daemon.imaging.files import tiff

        return tiff.decode(file, check_size, options)
    from velatura_daemon.imaging.files import archive, isolated, psd

    if kind := isolated.kind_of(start):
        return isolated.decode(kind, path, check_size, options)
    if kind := archive.kind_of(start):
        return archive.decode(file, check_size, options, kind)
    if start.startswith(psd.SIGNATURE) and psd.depth_of(start) > 8:
        return psd.decode(file, check_size, options)
    from velatura_daemon.imaging.files import pillow

    try:
        return pillow.decode(file, check_size, options)
    except OSError as error:
        if not options.salvage or not _is_truncation(error):
            raise
    return isolated.decode(isolated.TRUNCATED, path, check_size, options)


def _is_truncation(error: Exception) -> bool:
    return any(phrase in str(error).lower() for phrase in TRUNCATION_PHRASES)


def _describe(name: str, error: Exception, salvage: bool) -> str:
    if _is_truncation(error):
        truncated = lazy_text("{file} is truncated. Copy or download it again.", file=name)
        return truncated if salvage else sentences(truncated, OR_SALVAGE)
    reason = " ".join(str(error).split()) or type(error).__name__
    return lazy_text(
        "{file} is damaged and cannot be read ({reason}). Open it in a painting program and save it again.",
        file=name,
        reason=reason[:120],
    )
