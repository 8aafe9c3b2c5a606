"""Runs jobs on another daemon: a JobSpec becomes a restyle there, its messages become WorkerEvents here.

What leaves this daemon: the pictures of a job, masks and regions included, its settings, and a hash in place of the
layer's name. Titles, clients' notes, and names and paths of styles stay here. Results are not trusted: a result must
match the content that was sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs
from velatura.client.client_id import client_id_for
from velatura.errors import UsageError
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.remote_connection import RemoteConnection
from velatura_daemon.executors.remote_executor import RemoteExecutor

MAX_EXECUTORS = 8  # connections to the other daemon, at most


class RemoteDaemon:
    """One executor per job that the other daemon runs at once: a single one, until its welcome says how many those are.

    While no executor is connected, the first one takes a job to find out whether the daemon is running. With a
    fallback, the first one checks regularly without a job.
    """

    def __init__(self, config: DaemonConfig, dirs: AppDirs, wake: Callable[[], None]) -> None:
        """Raises UsageError if the connection file is this daemon's own; DiskTrouble, UnsafeConnectionFile."""
        self._file = Path(config.upstream)
        if self._file.resolve() == dirs.connection_file.resolve():
            raise UsageError(
                f"--upstream {config.upstream} is this daemon's own connection file. Give the file of another daemon, "
                "or omit --upstream."
            )
        self._config, self._dirs, self._wake = config, dirs, wake
        self._client_id = client_id_for(dirs, "daemon")
        self._grow_lock = threading.Lock()
        self.lost = False
        self.has_fallback = bool(config.fallback)
        self.executors = [self._new_executor()]

    def _new_executor(self) -> RemoteExecutor:
        connection = RemoteConnection(self._file, self._client_id)
        return RemoteExecutor(connection, self._dirs, self._config.keep_seconds, self._wake, self)

    @property
    def reachable(self) -> bool:
        return not self.lost and any(executor.is_connected for executor in self.executors)

    def on_lost(self) -> None:
        """An executor cannot reach the other daemon. Called on its thread.

        The other executors may still be connected, or may not have noticed: those that are connected check. Until one
        of them has an answer, the fallback works, if there is one.
        """
        self.lost = self.has_fallback or not any(executor.is_connected for executor in self.executors)
        for executor in self.executors:
            executor.check_connection()

    def on_found(self) -> None:
        """The other daemon answers. Called on an executor's thread."""
        self.lost = False
        self.executors[0].announce()

    def on_welcome(self, limits: dict[str, Any]) -> None:
        """Make as many executors as the other daemon runs jobs at once. Called on an executor's thread.

        limits: the limits in the other daemon's welcome.
        """
        jobs = limits.get("jobs")
        jobs = max(1, min(jobs, MAX_EXECUTORS)) if isinstance(jobs, int) else 1
        with self._grow_lock:
            while len(self.executors) < jobs:
                self.executors.append(self._new_executor())
            for index, executor in enumerate(self.executors):
                executor.is_accepted = index < jobs
        self.on_found()

    def others_running(self, executor: RemoteExecutor) -> bool:
        return any(other.is_running for other in self.executors if other is not executor)
