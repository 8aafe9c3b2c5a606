"""`velatura forget`: delete all stored pictures, results, interrupted restyles and the history."""

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

FOLDERS = ("spool", "results", "checkpoints")
HISTORY = "history.sqlite*"  # with its journals, and damaged copies


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def forget(yes: bool) -> None:
    """Delete all your pictures: saved results, interrupted restyles, the last images of layers, and the history with
    its thumbnails."""
    dirs = app_dirs()
    if not yes:
        click.confirm(
            "Saved results, interrupted restyles and the history will be deleted permanently. Continue?", abort=True
        )
    client = running_daemon(dirs)
    if client is not None:
        with client:
            client.forget_everything()
            for event in client.events():
                if isinstance(event, Failed):
                    raise error_from(event.code, event.sentence)
                if isinstance(event, SavedItems):
                    break
            running = len(client.status()["jobs"])
        _delete_damaged_files(dirs)
        if running:
            click.echo(
                f"Not deleted: {running} running or queued restyle(s). To delete them too, run 'velatura daemon stop', "
                "then this command again."
            )
    else:
        _delete_all(dirs)
    click.echo(f"Deleted in {dirs.state}: pictures, last images, results, interrupted restyles and the history.")
    click.echo(
        f"Not deleted: log files there (they contain no pictures), weights in {dirs.weights}, and in "
        f"{dirs.config} the settings and the styles saved in the gallery."
    )


def _delete_all(dirs: AppDirs) -> None:
    """Delete everything while no daemon is running, and hold its lock so that none starts meanwhile. Raises
    DiskTrouble, DaemonLost."""
    make_private_folder(dirs.state)
    lock = Lock(dirs.lock_file)
    try:
        if not lock.acquire(patience=1.0):
            raise DaemonLost(
                "A daemon is starting or does not respond. Run this command again, or first 'velatura daemon stop'."
            )
        for folder in (dirs.state / name for name in FOLDERS):
            if folder.is_symlink():
                raise DiskTrouble(
                    f"{folder} is a symbolic link; its target was not deleted. Check it, and remove it yourself."
                )
            if folder.exists():
                _delete(folder)
        for path in dirs.state.glob(HISTORY):
            _delete(path)
    finally:
        lock.close()


def _delete_damaged_files(dirs: AppDirs) -> None:
    """Delete damaged files, which a daemon keeps for inspection."""
    for path in [
        *(path for name in FOLDERS for path in (dirs.state / name).glob("*.damaged")),
        *dirs.state.glob(f"{HISTORY}.damaged"),
    ]:
        _delete(path)


def _delete(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskTrouble(
            f"{path} cannot be deleted ({error.strerror}). Get permission to write there, and run this command again."
        ) from error
