"""The `velatura` command: what comes before and after any of its commands.

Importing this module loads next to nothing, so that Ctrl-C is handled while the commands are loaded.
"""

from __future__ import annotations

from typing import NoReturn

from velatura_daemon.terminal import ending


def main() -> NoReturn:
    """Run the command line. Exit codes: 0 success, 1 failure, 2 wrong usage, 128 + the number of a signal; 141: nobody
    reads the output any more."""
    ending.handle_signals()
    ending.run(_run)


def _run() -> int:
    from velatura_daemon.terminal.streams import OutputLost, flush_streams, guard_streams

    guard_streams()
    from velatura_daemon.cli.language import choose_language

    choose_language()  # before the commands are loaded: their texts are made then
    from velatura_daemon.cli.commands import run
    from velatura_daemon.terminal.console import echo_problem

    try:
        code = run()
        flush_streams()
        return code
    except OutputLost as lost:
        if lost.sentence:
            echo_problem(lost.sentence)
        return lost.exit_code
