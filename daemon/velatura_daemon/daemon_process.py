"""Being the daemon: one a user, its log, its front."""

from __future__ import annotations

import contextlib
import logging
import os
import signal

from velatura.app_dirs import POSIX, AppDirs, make_private_folder
from velatura.client.connection_file import withdraw
from velatura.client.locks import Lock, is_held
from velatura_daemon.build import build_id
from velatura_daemon.config import DaemonConfig
from velatura_daemon.logs import open_log
from velatura_daemon.server.server import Server

DESCRIPTORS = 16384  # at most: some programs that are started from here look at each there may be
LOOKERS_PATIENCE = 1.0  # seconds; a client that only looks holds the lock for an instant


def run_daemon(places: AppDirs, options: DaemonConfig, *, to_terminal: bool = False) -> bool:
    """Be the daemon until told to leave. False where another one is running already. Raises DiskTrouble."""
    if POSIX:
        os.umask(0o077)
    make_private_folder(places.state)
    lock = Lock(places.lock_file)
    if not lock.acquire(patience=LOOKERS_PATIENCE):
        lock.close()
        signal_to_republish(places)  # whoever has started us may look in vain for its connection file, or its socket
        return False
    if POSIX:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the front listens to it: all is about to be read anyway
    lock.write(str(os.getpid()))
    withdraw(places)  # what a crash has left
    _have_descriptors()
    try:
        open_log(places.log_file, to_terminal=to_terminal)
        Server(places, options, build_id()).run()
    except Exception:
        logging.getLogger("velatura").exception("the daemon ended with an error")
        raise
    finally:
        lock.close()
    return True


def _have_descriptors() -> None:
    """As many as this user may have: a farm has many clients, and systems begin with 1,024 per process."""
    if not POSIX:
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def signal_to_republish(places: AppDirs) -> bool:
    """Have the daemon that runs, if any, look whether its connection file is still there. False: there is none."""
    if not POSIX or not is_held(places.lock_file):
        return False
    with contextlib.suppress(OSError, ValueError):
        os.kill(int(places.lock_file.read_text()), signal.SIGHUP)
        return True
    return False
