"""Signals in the process that runs the tests."""

from __future__ import annotations

import signal


def stop_ignoring() -> None:
    """Handle the signals that this process was started to ignore, as nohup, or a shell for a command with '&', does.

    Processes inherit what is ignored, and `velatura` leaves it so: no test could interrupt a command.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
