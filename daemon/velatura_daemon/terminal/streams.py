"""Standard streams that are closed, full or no longer read.

What is lost on stdout is an error: the command ends with one line, and with exit code 1, or 141 without a line if the
reader has gone, as in a pipe to `head`. What is lost on stderr, progress and messages, stops nothing.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from velatura.i18n import lazy_text

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = 0, 1, 2
_closed: set[int] = set()  # descriptors that were closed when the command began
READER_GONE = 141  # 128 + SIGPIPE: the exit code of programs that are ended by it
GONE = (errno.EPIPE, errno.ECONNRESET)


class OutputLost(BaseException):
    """Something printed on stdout is lost. No Exception, so that nobody takes it for trouble with a file of theirs."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.reader_is_gone = error.errno in GONE or (os.name == "nt" and error.errno == errno.EINVAL)
        self.reason = error.strerror or str(error)

    @property
    def exit_code(self) -> int:
        return READER_GONE if self.reader_is_gone else 1

    @property
    def sentence(self) -> str:
        """For the user; '' if there is nothing to say."""
        return "" if self.reader_is_gone else lazy_text("The output could not be written ({why}).", why=self.reason)


class _Output(io.FileIO):
    """A file descriptor to print on, and what happens when that fails. After the first failure it drops everything."""

    def __init__(self, descriptor: int, *, failing: bool) -> None:
        """failing: whether a failure raises OutputLost."""
        super().__init__(descriptor, "w", closefd=False)
        self._failing, self._lost = failing, False

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        if self._lost:
            return size
        try:
            return super().write(data)
        except OSError as error:
            self._lost = True
            if self._failing:
                raise OutputLost(error) from None
            return size


def guard_streams() -> None:
    """Make the standard streams behave as described above, and print escapes for characters that their encodings do not
    have, in place of a UnicodeEncodeError."""
    _open_closed_descriptors()
    sys.stdin = sys.stdin or open(STDIN, closefd=False)  # noqa: SIM115
    sys.stdout = _guarded(sys.stdout, STDOUT, failing=True)
    sys.stderr = _guarded(sys.stderr, STDERR, failing=False)


def was_closed(descriptor: int) -> bool:
    """Whether STDIN, STDOUT or STDERR was closed when the command began."""
    return descriptor in _closed


def flush_streams() -> None:
    """Write what is not written yet. Raises OutputLost."""
    sys.stdout.flush()
    sys.stderr.flush()


def _open_closed_descriptors() -> None:
    """Open descriptors 0 to 2 for reading nothing, where they are closed: printing fails as before, but no other file
    gets one of these numbers and is printed into."""
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            _closed.add(descriptor)
            opened = os.open(os.devnull, os.O_RDONLY)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)


def _guarded(stream: TextIO | None, descriptor: int, *, failing: bool) -> TextIO:
    if os.name == "nt" and stream is not None and stream.isatty():
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
        return stream  # Windows' console has a way of its own to print Unicode
    output = _Output(descriptor, failing=failing)
    return io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=stream.encoding if stream is not None else None,
        errors="backslashreplace",
        line_buffering=output.isatty() or descriptor == STDERR,
    )
