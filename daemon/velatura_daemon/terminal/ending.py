"""How a command ends on a signal: at any moment with one line and the shell's exit code, 128 + the signal's number.

Imports next to nothing: it is loaded before everything else, so that Ctrl-C is handled while the rest is loaded.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # closing the terminal stops a command as Ctrl-C does
STDERR = 2
ERASE_LINE = "\r\x1b[2K\x1b[?25h"  # with the '^C' or the progress bar on it; and show the cursor again
AGAIN_SECONDS = 0.01  # after which an interrupt that was lost is raised again


class Stopped(BaseException):
    """A signal has stopped the command. Unlike KeyboardInterrupt, click passes it on without printing anything."""


class _State:
    """working: whether the command may have something to clean up. signal: the one that stopped it, 0 if none did.
    kept: what was kept, for the last line. said: whether that line is printed."""

    working = False
    signal = 0
    kept = ""
    said = False


def handle_signals() -> None:
    """Let signals end the command as described above. Ignored ones stay ignored, as nohup asks for."""
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)
    sys.unraisablehook = _on_unraisable


def begin_work() -> None:
    """From now on the first signal raises KeyboardInterrupt, so that the command cleans up. The second one, and any
    signal before this or after the work, ends the process at once."""
    _State.working = True


def kept(sentence: str) -> None:
    """Say what is kept if a signal stops the command from now on; '' for nothing."""
    from velatura.foreign_text import visible
    from velatura.i18n import translated

    _State.kept = visible(translated(sentence))


def was_stopped() -> bool:
    """Whether a signal has stopped the command."""
    return _State.signal != 0


def run(command: Callable[[], int]) -> NoReturn:
    """Run a command and exit with its code, or as a signal demands."""
    code = 0
    try:
        code = command()
        _State.working = False
    except BaseException:  # after a signal also whatever KeyboardInterrupt has become on its way, as an ImportError
        if not was_stopped():
            raise
    if was_stopped():
        _leave()
    sys.exit(code)


def _on_signal(number: int, _: object) -> None:
    first = not was_stopped()
    if not first and number == getattr(signal, "SIGHUP", None):
        return  # a terminal that closes may send it after another one
    if first:
        _State.signal = number
    if first and _State.working:
        raise KeyboardInterrupt
    _leave()


def _leave() -> NoReturn:
    """Print the last line, without Python's streams, which may be in the middle of printing, and end the process."""
    if not _State.said:
        _State.said = True
        line = f"Stopped. {_State.kept}".rstrip()  # not translated: if it cannot be
        with contextlib.suppress(Exception):  # the signal may have come while the texts are loaded
            line = _last_line()
        with contextlib.suppress(OSError):
            before = ERASE_LINE if os.isatty(STDERR) and os.environ.get("TERM") != "dumb" else ""
            encoding = getattr(sys.stderr, "encoding", None) or "ascii"
            os.write(STDERR, f"{before}{line}\n".encode(encoding, "backslashreplace"))
    os._exit(128 + _State.signal)


def _last_line() -> str:
    """The last line in the user's language. Loads nothing: raises KeyError or AttributeError before texts are
    loaded."""
    texts = sys.modules["velatura.i18n"]
    lazy_text, sentences = texts.lazy_text, texts.sentences
    line: str = texts.translated(sentences(lazy_text("Stopped."), _State.kept))
    return line


def _on_unraisable(unraisable: Any) -> None:
    """Python has dropped an exception, for example in a destructor. If it was an interrupt, raise it again soon, where
    it is not dropped."""
    if not was_stopped():
        sys.__unraisablehook__(unraisable)
    elif isinstance(unraisable.exc_value, KeyboardInterrupt):
        number, _State.signal = _State.signal, 0
        _send_soon(number)


def _send_soon(number: int) -> None:
    import threading

    if os.name == "posix":
        send, arguments = os.kill, (os.getpid(), number)
    else:
        from _thread import interrupt_main

        send, arguments = interrupt_main, (number,)  # type: ignore[assignment]
    timer = threading.Timer(AGAIN_SECONDS, send, arguments)
    timer.daemon = True
    timer.start()
