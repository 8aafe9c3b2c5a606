"""`velatura setup`: make, update, repair or remove the environment that the editors start the daemon from."""

from __future__ import annotations

from pathlib import Path

import click

from velatura.app_dirs import app_dirs
from velatura.errors import SetUpImpossible, UsageError
from velatura.i18n import _, lazy_text
from velatura.setup import terminal
from velatura_daemon.terminal.console import echo
from velatura_daemon.terminal.help_pages import Command


@click.command(
    cls=Command,
    help=_(
        "Set up the daemon for the editors in an environment of its own, as the button in their windows does. An "
        "interrupted set-up continues where it stopped."
    ),
)
@click.option("--update", is_flag=True, help=_("Update; the same as without options."))
@click.option("--repair", is_flag=True, help=_("Install everything again."))
@click.option("--remove", is_flag=True, help=_("Delete what was set up."))
@click.option("--status", is_flag=True, help=_("Show what is set up. The exit code is 1 if it cannot be used."))
@click.option(
    "--wheel",
    type=click.Path(path_type=Path),
    metavar=_("FILE.whl"),
    help=_("The wheel to install. Default: the one that this Velatura came with, or the one that is installed."),
)
def setup(update: bool, repair: bool, remove: bool, status: bool, wheel: Path | None) -> None:
    if sum((update, repair, remove, status)) > 1:
        raise UsageError(lazy_text("--update, --repair, --remove and --status cannot be combined."))
    dirs = app_dirs()
    if status:
        if not terminal.show_status(dirs, echo):
            raise SystemExit(1)
    elif remove:
        terminal.delete(dirs, echo)
    else:
        problem = terminal.run(dirs, echo, wheel=wheel, repair=repair)
        if problem:
            raise SetUpImpossible(problem)
