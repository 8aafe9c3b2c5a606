"""Any picture file to a Raster. What a decoder trips over becomes a sentence."""

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

SizeCheck = Callable[[int, int], None]  # width, height as they will be seen; raises what is wrong with them

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# How Pillow, libpng and tifffile say that the file stopped before the picture did.
ENDS_EARLY = ("truncated", "input stream too small", "only got", "failed to read", "unexpected end", "not enough")


class PictureFile(io.BufferedReader):
    """A file that is asked for no more than it has: Python makes room for what is asked, and a damaged header asks for
    anything."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def decode(path: Path, check_size: SizeCheck) -> Raster:
    """check_size is called with the header's size before any pixel is decoded."""
    with readable(path):
        try:
            with path.open("rb", buffering=0) as raw, PictureFile(raw) as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
                return _decode(file, check_size)
        except VelaturaError as error:
            raise type(error)(f"{path.name}: {error.sentence}") from error
        except (FileNotFoundError, PermissionError):
            raise
        except MemoryError as error:
            raise OutOfMemory(
                f"{path.name} does not fit into this computer's memory. Make it smaller first."
            ) from error
        except Exception as error:  # a decoder on malformed input raises anything: ValueError, struct.error, KeyError..
            raise NotAPicture(_what_is_wrong(path.name, error)) from error


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Around the reading of a file: what the system has against it becomes a sentence."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name the picture file in it.")
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}. Check its name and folder.") from error
    except PermissionError as error:
        raise UsageError(f"{path} may not be read by you. Change its permissions, or copy it.") from error
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
    from velatura_daemon.imaging.files import other

    return other.decode(file, check_size)


def _what_is_wrong(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if any(words in reason.lower() for words in ENDS_EARLY):
        return f"{name} ends early: it is truncated. Copy or download it again."
    return f"{name} is damaged and cannot be read ({reason[:120]}). Open it in a painting program and save it anew."
