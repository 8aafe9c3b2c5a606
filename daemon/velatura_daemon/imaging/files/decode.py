"""Decoding any supported picture file to a Raster. Errors of the decoders are turned into messages for the user."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from velatura.errors import NotAPicture, OutOfMemory, UsageError, VelaturaError
from velatura_daemon.imaging.files.raster import Raster

SizeCheck = Callable[[int, int], None]  # (width, height), upright; raises if the size is not acceptable

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Parts of the messages with which Pillow, libpng and tifffile report a truncated file.
TRUNCATION_PHRASES = (
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


def decode(path: Path, check_size: SizeCheck) -> Raster:
    """Decode the first picture in a file. check_size is called with the size in the header before any pixel is decoded.
    Raises UsageError, NotAPicture, OutOfMemory, and what check_size raises."""
    with reporting_read_errors(path):
        try:
            with path.open("rb", buffering=0) as raw, PictureFile(raw) as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns about unusual metadata
                return _decode(file, check_size)
        except VelaturaError as error:
            raise type(error)(f"{path.name}: {error.sentence}") from error
        except (FileNotFoundError, PermissionError):
            raise
        except MemoryError as error:
            raise OutOfMemory(f"{path.name} does not fit into this computer's memory. Scale it down first.") from error
        except Exception as error:  # decoders raise anything on malformed input: ValueError, struct.error, KeyError…
            raise NotAPicture(_describe(path.name, error)) from error


@contextlib.contextmanager
def reporting_read_errors(path: Path) -> Iterator[None]:
    """Around code that reads a file: turn operating system errors into messages. Raises UsageError, NotAPicture."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Give the name of a picture file.")
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"The file {path} does not exist. Check its name and folder.") from error
    except PermissionError as error:
        raise UsageError(f"You do not have permission to read {path}. Change its permissions, or copy it.") from error
    except OSError as error:
        raise NotAPicture(f"{path} cannot be read ({error.strerror or error}). Copy it again.") from error


def _decode(file: BinaryIO, check_size: SizeCheck) -> Raster:
    start = file.read(16)
    file.seek(0)
    if not start:
        raise NotAPicture("The file is empty. Save or copy it again.")
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        from velatura_daemon.imaging.files import png

        return png.decode(file.read(), check_size)
    if start.startswith(TIFF_STARTS):
        from velatura_daemon.imaging.files import tiff

        return tiff.decode(file, check_size)
    from velatura_daemon.imaging.files import pillow

    return pillow.decode(file, check_size)


def _describe(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if any(phrase in reason.lower() for phrase in TRUNCATION_PHRASES):
        return f"{name} is truncated. Copy or download it again."
    return f"{name} is damaged and cannot be read ({reason[:120]}). Open it in a painting program and save it again."
