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
from velatura.i18n import _, lazy_text, ngettext
from velatura.protocol.messages import Failed
from velatura_daemon.terminal.console import echo
from velatura_daemon.terminal.help_pages import Command
from velatura_daemon.terminal.questions import confirm

FOLDERS = ("spool", "results", "checkpoints")
HISTORY = "history.sqlite*"  # with its journals, and damaged copies


@click.command(
    cls=Command,
    help=_(
        "Delete all your pictures: saved results, interrupted restyles, the last images of restyles, and the history "
        "with its thumbnails."
    ),
)
@click.option("--yes", is_flag=True, help=_("Do not ask for confirmation."))
def forget(yes: bool) -> None:
    dirs = app_dirs()
    if not yes:
        confirm(_("Saved results, interrupted restyles and the history will be deleted permanently. Continue?"))
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
            echo(
                ngettext(
                    "Not deleted: {count} running or queued restyle. To delete it too, run 'velatura daemon stop', "
                    "then this command again.",
                    "Not deleted: {count} running or queued restyles. To delete them too, run 'velatura daemon stop', "
                    "then this command again.",
                    running,
                )
            )
    else:
        _delete_all(dirs)
    echo(
        _("Deleted in {folder}: pictures, last images, results, interrupted restyles and the history.").format(
            folder=dirs.state
        )
    )
    echo(
        _(
            "Not deleted: log files there (they contain no pictures), weights in {weights}, and in {config} the "
            "settings, the presets and the styles saved in the gallery."
        ).format(weights=dirs.weights, config=dirs.config)
    )


def _delete_all(dirs: AppDirs) -> None:
    """Delete everything while no daemon is running, and hold its lock so that none starts meanwhile. Raises
    DiskTrouble, DaemonLost."""
    make_private_folder(dirs.state)
    lock = Lock(dirs.lock_file)
    try:
        if not lock.acquire(patience=1.0):
            raise DaemonLost(
                lazy_text(
                    "A daemon is starting or does not respond. Run this command again, or first 'velatura daemon stop'."
                )
            )
        for folder in (dirs.state / name for name in FOLDERS):
            if folder.is_symlink():
                raise DiskTrouble(
                    lazy_text(
                        "{folder} is a symbolic link; its target was not deleted. Check it, and remove it yourself.",
                        folder=str(folder),
                    )
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
            lazy_text(
                "{path} cannot be deleted ({why}). Get permission to write there, and run this command again.",
                path=str(path),
                why=str(error.strerror),
            )
        ) from error
