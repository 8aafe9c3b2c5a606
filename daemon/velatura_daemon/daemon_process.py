"""The daemon process: one per user, with its lock, its log and its server."""

from __future__ import annotations

import contextlib
import logging
import os
import signal

from velatura.app_dirs import POSIX, AppDirs, make_private_folder
from velatura.client.locks import PATIENCE, Lock, is_held
from velatura_daemon import lock_holder
from velatura_daemon.build import build_id
from velatura_daemon.config import DaemonConfig
from velatura_daemon.logs import open_log
from velatura_daemon.server.heap import return_large_blocks
from velatura_daemon.server.server import Server

# File descriptors, at limit: some programs started from here iterate over every possible descriptor.
MAX_DESCRIPTORS = 16384


def run_daemon(app_dirs: AppDirs, options: DaemonConfig, *, to_terminal: bool = False) -> bool:
    """Run the daemon until it is asked to stop. Returns False if another one is running already. Raises DiskTrouble."""
    if POSIX:
        os.umask(0o077)
    lock = _acquired_lock(app_dirs)
    if lock is None:
        signal_to_republish(app_dirs)  # its connection file or socket may be missing, which is why this one was started
        return False
    if POSIX:
        signal.signal(
            signal.SIGHUP, signal.SIG_IGN
        )  # until the server handles it: everything is about to be read anyway
    lock_holder.note(lock)
    app_dirs.connection_file.unlink(missing_ok=True)  # left by a crash
    _raise_descriptor_limit()
    return_large_blocks()
    try:
        open_log(app_dirs.log_file, to_terminal=to_terminal)
        Server(app_dirs, options, build_id(), lock).run()
    except Exception:
        logging.getLogger("velatura").exception("the daemon ended with an error")
        raise
    finally:
        lock.close()
    return True


def _acquired_lock(app_dirs: AppDirs) -> Lock | None:
    """Return the daemon's lock, or None if another daemon has it. Raises DiskTrouble."""
    while True:
        make_private_folder(app_dirs.state)
        lock = Lock(app_dirs.lock_file)
        if not lock.acquire(PATIENCE):
            lock.close()
            return None
        if lock.is_current:
            return lock
        lock.close()  # the file was deleted before it was locked


def _raise_descriptor_limit() -> None:
    """Raise the soft limit of file descriptors: a shared daemon has many clients, and systems start with 1,024 per
    process."""
    if not POSIX:
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(MAX_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def signal_to_republish(app_dirs: AppDirs) -> bool:
    """Make a running daemon check that its connection file still exists. Returns False if no daemon is running."""
    if not POSIX or not is_held(app_dirs.lock_file):
        return False
    process = lock_holder.noted(app_dirs.lock_file)
    if process is None or not process.is_alive:
        return False
    with contextlib.suppress(OSError):
        process.send(signal.SIGHUP)
    return True
