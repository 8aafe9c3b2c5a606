"""`velatura forget`: pictures, results, restyles stopped midway and the history, wiped."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from velatura.app_dirs import AppDirs, app_dirs, make_private_folder
from velatura.client.client import running_daemon
from velatura.client.events import SavedItems
from velatura.client.locks import Lock
from velatura.errors import DaemonLost, DiskTrouble, error_from
from velatura.protocol.messages import Failed

FOLDERS = ("spool", "results", "works")
HISTORY = "history.sqlite*"  # with its journals, and one that was damaged and set aside


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(yes: bool) -> None:
    """Wipe all pictures of yours: results that wait, restyles stopped midway, last images, the history with its
    thumbnails."""
    where = app_dirs()
    if not yes:
        click.confirm(
            "Results that wait, restyles stopped midway and the history will be gone for good. Go on?", abort=True
        )
    client = running_daemon(where)
    if client is not None:
        with client:
            client.forget_everything()
            for event in client.events():
                if isinstance(event, Failed):
                    raise error_from(event.code, event.sentence)
                if isinstance(event, SavedItems):
                    break
            in_work = len(client.status()["jobs"])
        _wipe_what_was_set_aside(where)
        if in_work:
            click.echo(
                f"In work, and left alone: {in_work} restyle(s). 'velatura daemon stop' stops them; then forget again."
            )
    else:
        _wipe(where)
    click.echo(f"Wiped: pictures, last images, results, restyles stopped midway and the history, under {where.state}.")
    click.echo(
        f"Not touched: log files there (they name no pictures' contents), weights in {where.weights}, settings and the "
        "gallery's own "
        f"styles in {where.config}."
    )


def _wipe(where: AppDirs) -> None:
    """Without a daemon, and keeping one from starting meanwhile. Raises DiskTrouble, DaemonLost."""
    make_private_folder(where.state)
    lock = Lock(where.lock_file)
    try:
        if not lock.acquire(patience=1.0):
            raise DaemonLost(
                "A daemon is just starting, or does not answer. Run 'velatura forget' again, or 'velatura daemon stop' "
                "first."
            )
        for folder in (where.state / name for name in FOLDERS):
            if folder.is_symlink():
                raise DiskTrouble(
                    f"{folder} is a link; what it leads to is not wiped. Look at it, and remove it yourself."
                )
            if folder.exists():
                _remove(folder)
        for path in where.state.glob(HISTORY):
            _remove(path)
    finally:
        lock.close()


def _wipe_what_was_set_aside(where: AppDirs) -> None:
    """Damaged files, which a daemon keeps for whoever wants to look."""
    for path in [
        *(path for name in FOLDERS for path in (where.state / name).glob("*.damaged")),
        *where.state.glob(f"{HISTORY}.damaged"),
    ]:
        _remove(path)


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskTrouble(
            f"{path} cannot be wiped ({error.strerror}). Give yourself the right to write there, and forget again."
        ) from error
