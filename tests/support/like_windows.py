"""Runs a daemon on this system as on Windows: without what only Unix has. `python -m tests.support.like_windows`

It removes Unix's functions, signals, modules and sockets, and gives Windows' names of the few things that have another
one there. Windows' own behaviour (paths, open files that cannot be replaced, ACLs) is not simulated.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

LIBRARIES = (  # they look at the system as they are imported
    *("configparser", "ctypes", "hashlib", "json", "logging.handlers", "mmap", "multiprocessing", "pathlib", "queue"),
    *("selectors", "shutil", "tempfile", "threading", "urllib.request", "uuid", "zipfile", "msgpack", "zmq"),
)
MODULES = ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog")
FUNCTIONS = (
    *("chown", "chroot", "confstr", "fchdir", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid"),
    *("getgroups", "getloadavg", "getpgid", "getpgrp", "getpriority", "getsid", "getuid", "killpg", "lchown", "mkfifo"),
    *("mknod", "nice", "posix_fadvise", "posix_fallocate", "posix_spawn", "posix_spawnp", "pread", "preadv", "pwrite"),
    *("pwritev", "readv", "sched_getaffinity", "sched_setaffinity", "sched_yield", "sendfile", "setegid", "seteuid"),
    *(
        "setgid",
        "setpgid",
        "setpriority",
        "setsid",
        "setuid",
        "statvfs",
        "fstatvfs",
        "sync",
        "sysconf",
        "uname",
        "wait",
    ),
    *("wait3", "wait4", "writev", "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_SYNC"),
)
SIGNALS = ("SIGABRT", "SIGBREAK", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM")  # all that Windows has


def become() -> None:
    """Make this process lack what Windows lacks. Standard library and other packages have to be imported before."""
    shutil.disk_usage = partial(_disk_usage, os.statvfs)
    for name in FUNCTIONS:
        with contextlib.suppress(AttributeError):
            delattr(os, name)
    for name in [name for name in vars(signal) if name.startswith("SIG") and name.isupper()]:
        if name not in SIGNALS and not name.startswith("SIG_"):
            delattr(signal, name)
    for name in [
        name for name in vars(socket) if name in ("AF_UNIX", "socketpair_unix", "SO_PEERCRED", "MSG_DONTWAIT")
    ]:
        delattr(socket, name)
    socket.socketpair = _socketpair  # type: ignore[assignment]
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    sys.modules["msvcrt"] = _msvcrt()
    for number, name in enumerate(("CREATE_NO_WINDOW", "CREATE_NEW_PROCESS_GROUP", "DETACHED_PROCESS")):
        setattr(subprocess, name, 1 << number)
    subprocess.Popen = _Popen  # type: ignore[misc]
    sys.platform = "win32"
    os.name = "nt"
    importlib.import_module("velatura.atomic")  # decides once what the system is
    os.name = "posix"  # pathlib makes this system's paths


def _msvcrt() -> ModuleType:
    """Windows' locks as those of this system, so that other processes see them."""
    module: Any = ModuleType("msvcrt")
    module.LK_NBLCK = 1
    module.locking = lambda descriptor, mode, length: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return module  # type: ignore[no-any-return]


def _disk_usage(statvfs: Callable[[Any], os.statvfs_result], path: Any) -> Any:
    """As shutil has it on Windows, where it does not use statvfs."""
    found = statvfs(path)
    return SimpleNamespace(total=found.f_blocks * found.f_frsize, free=found.f_bavail * found.f_frsize)


def _socketpair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets on 127.0.0.1, as Python makes them on Windows."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        one = socket.create_connection(listening.getsockname())
        return one, listening.accept()[0]


class _Popen(subprocess.Popen):  # type: ignore[type-arg]
    def __init__(self, *args: Any, creationflags: int = 0, **more: Any) -> None:
        if more.get("start_new_session") or more.get("preexec_fn"):
            raise ValueError("not on Windows")
        super().__init__(*args, **more)


def main() -> None:
    """Run the daemon of VELATURA_HOME until it is stopped."""
    for name in LIBRARIES:
        importlib.import_module(name)
    become()
    app_dirs = importlib.import_module("velatura.app_dirs").app_dirs
    config: Any = importlib.import_module("velatura_daemon.config")
    config.memory_bytes = lambda: 8 << 30
    run_daemon = importlib.import_module("velatura_daemon.daemon_process").run_daemon
    run_daemon(app_dirs(), config.DaemonConfig(threads=1), to_terminal=True)


if __name__ == "__main__":
    main()
