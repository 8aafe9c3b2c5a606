"""`-` for a picture: it comes from standard input, or the result goes to standard output. A file of that name is given
as `./-`."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import click

from velatura.errors import DiskTrouble, NotAPicture, PictureTooLarge, UsageError
from velatura.i18n import lazy_text
from velatura_daemon.terminal.connect import megapixel_limit
from velatura_daemon.terminal.console import stdout_is_terminal, write_stdout
from velatura_daemon.terminal.file_names import PIPE, named_file
from velatura_daemon.terminal.options import UserPath
from velatura_daemon.terminal.streams import STDIN, STDOUT, was_closed
from velatura_daemon.terminal.style_options import Painting
from velatura_daemon.user_paths import meaning

PIPED_NAME = "stdin"  # the name of the file with what came from standard input, as messages and results show it
PIECE = 1 << 20  # bytes copied at a time


class FileOrPipe(UserPath):
    """The path of a file, or PIPE for `-`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return named_file(str(value), super().convert(value, param, ctx))


@contextlib.contextmanager
def piped_pictures(photo: Path, paintings: Sequence[Painting]) -> Iterator[tuple[Path, list[Painting]]]:
    """Put what comes from standard input into a temporary file, if the photo or a painting is PIPE, and give that file
    in its place. Raises UsageError, NotAPicture, PictureTooLarge, DiskTrouble."""
    are_piped = photo == PIPE, any(painting.path == PIPE for painting in paintings)
    if not any(are_piped):
        yield photo, list(paintings)
        return
    if all(are_piped):
        raise UsageError(
            lazy_text(
                "Only one picture can come from standard input: the photo or a painting. Give the name of a file for "
                "the other."
            )
        )
    stream = _stdin()
    from velatura_daemon.imaging.files.limits import file_bytes

    limit = megapixel_limit()
    with tempfile.TemporaryDirectory(prefix="velatura-") as folder:
        file = Path(folder) / PIPED_NAME
        copy_to_file(stream, file, file_bytes(limit), limit)
        pictures = [replace(painting, path=file) if painting.path == PIPE else painting for painting in paintings]
        yield (file if photo == PIPE else photo), pictures


def copy_to_file(stream: BinaryIO, file: Path, most: int, max_megapixels: float) -> None:
    """Copy a stream of at most that many bytes. Raises NotAPicture, PictureTooLarge, DiskTrouble."""
    size = 0
    try:
        with file.open("xb") as copy:
            while piece := stream.read(PIECE):
                size += len(piece)
                if size > most:
                    raise PictureTooLarge(
                        lazy_text(
                            "More than {gigabytes:.1f} GB came from standard input, which is more than a picture of "
                            "{megapixels:g} megapixels can have. Pipe a smaller picture.",
                            gigabytes=most / 1e9,
                            megapixels=max_megapixels,
                        )
                    )
                copy.write(piece)
    except OSError as error:
        raise DiskTrouble(
            lazy_text(
                "The data from standard input could not be saved in {folder} ({why}). Give the name of a file instead.",
                folder=str(file.parent),
                why=meaning(error, file),
            )
        ) from error
    if not size:
        raise NotAPicture(
            lazy_text("Nothing came from standard input. Pipe a picture to this command, or give a file name.")
        )


def check_stdout(as_json: bool) -> None:
    """Raise UsageError if the result cannot go to standard output."""
    if as_json:
        raise UsageError(lazy_text("--json and '-o -' both use standard output. Give the name of a file with -o."))
    if was_closed(STDOUT):
        raise UsageError(lazy_text("Standard output is closed. Give the name of a file with -o."))
    if stdout_is_terminal():
        raise UsageError(
            lazy_text(
                "Standard output is a terminal, which cannot show a picture file. Add '> FILE' or '| COMMAND', or give "
                "the name of a file with -o."
            )
        )


def send_to_stdout(data: bytes) -> None:
    """Write a picture file to standard output. Raises DiskTrouble."""
    try:
        write_stdout(data)
    except OSError as error:
        # Translators: stands after a colon. “it” is the standard output.
        unread = lazy_text("nothing reads it any more")
        raise DiskTrouble(
            lazy_text(
                "The result could not be written to standard output: {why}. 'velatura results save' writes it to a "
                "file.",
                why=unread if isinstance(error, BrokenPipeError) else meaning(error, PIPE),
            )
        ) from error


def _stdin() -> BinaryIO:
    if was_closed(STDIN):
        raise UsageError(lazy_text("Standard input is closed. Pipe a picture to this command, or give a file name."))
    if sys.stdin.isatty():
        raise UsageError(
            lazy_text("Standard input is a terminal. Pipe a picture to this command, or give a file name.")
        )
    return sys.stdin.buffer
