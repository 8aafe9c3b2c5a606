"""The daemon that runs from an environment which is about to be changed."""

from __future__ import annotations

import time

from velatura.client.connection_file import find
from velatura.client.locks import is_held
from velatura.errors import DaemonLost, DaemonNotRunning, SetUpImpossible
from velatura.i18n import lazy_text
from velatura.setup.environment import Environment

PATIENCE = 15.0  # seconds for an idle daemon to end


def stop_daemon(environment: Environment) -> None:
    """Ask this environment's daemon to end if it is idle, and wait for that. Another installation's daemon is left
    alone: the next client replaces it. Raises SetUpImpossible if it is busy."""
    running = find(environment.dirs)
    if running is None or not _may_be_of(environment, running.build):
        return
    from velatura.client.client import Client  # with msgpack, which a plain Python may lack

    with Client("setup", dirs=environment.dirs, start=False) as client:
        try:
            client.wait_until_ready()
            client.shut_down(if_idle=True)
            deadline = time.monotonic() + PATIENCE
            while is_held(environment.dirs.lock_file) and time.monotonic() < deadline:
                client.drain()
                time.sleep(0.05)
        except (DaemonLost, DaemonNotRunning):
            pass  # it has ended, or does not answer
    if is_held(environment.dirs.lock_file):
        raise SetUpImpossible(
            lazy_text(
                "The daemon is busy and cannot be changed now. Wait until its restyles are done or cancel them, then "
                "try again."
            )
        )


def _may_be_of(environment: Environment, build: str) -> bool:
    """Whether a daemon of this build may run from the environment. After a set-up that was interrupted it is not known
    which build that has; then any daemon may."""
    stamp = environment.read_stamp()
    if stamp is not None and stamp.build:
        return build == stamp.build
    return environment.python.exists()
