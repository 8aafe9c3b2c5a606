"""`python -m velatura.setup`: for a Python in which nothing is installed, with the files of an unpacked plugin."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import velatura
from velatura.app_dirs import app_dirs
from velatura.errors import VelaturaError
from velatura.foreign_text import visible
from velatura.i18n import _
from velatura.setup import terminal


def main(arguments: list[str] | None = None) -> int:
    sys.path.append(str(Path(velatura.__file__).parents[2] / "fallback"))  # msgpack, to talk to a running daemon
    parser = argparse.ArgumentParser("velatura.setup", description=_("Set up Velatura's daemon, or update it."))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--update", action="store_true", help=_("update (the same as without options)"))
    what.add_argument("--repair", action="store_true", help=_("install everything again"))
    what.add_argument("--remove", action="store_true", help=_("delete what was set up"))
    what.add_argument("--status", action="store_true", help=_("show what is set up"))
    parser.add_argument(
        "--wheel", type=Path, help=_("the wheel to install, instead of the one that comes with the plugin")
    )
    chosen = parser.parse_args(arguments)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        if chosen.status:
            return 0 if terminal.show_status(app_dirs(), show) else 1
        if chosen.remove:
            terminal.delete(app_dirs(), show)
            return 0
        problem = terminal.run(app_dirs(), show, wheel=chosen.wheel, repair=chosen.repair)
    except VelaturaError as error:
        problem = error.local_sentence
    except KeyboardInterrupt:
        problem = _("stopped.")
    if problem:
        show(f"velatura: {problem}", error=True)
    return 1 if problem else 0


def show(line: str, error: bool = False) -> None:
    """Print a line; neither click nor rich are installed yet."""
    stream = sys.stderr if error else sys.stdout
    encoding = stream.encoding or "ascii"
    print(visible(line).encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main())
