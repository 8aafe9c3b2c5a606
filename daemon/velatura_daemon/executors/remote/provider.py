"""Runs jobs on other daemons: a JobSpec becomes a restyle there, its messages become WorkerEvents here.

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
from velatura.i18n import lazy_text
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.remote.connection import RemoteConnection
from velatura_daemon.executors.remote.executor import RemoteExecutor
from velatura_daemon.executors.remote.routes import FileRoute, Route
from velatura_daemon.executors.remote.tunnel import SshTunnel
from velatura_daemon.remote_target import parse_target

MAX_EXECUTORS = 8  # connections to one daemon, at most


class RemoteProvider:
    """The executors of all other daemons, in the order of the options."""

    def __init__(self, config: DaemonConfig, dirs: AppDirs, wake: Callable[[], None]) -> None:
        """Raises UsageError for an option that names no other daemon; DiskTrouble, UnsafeConnectionFile."""
        routes = routes_for(config, dirs)
        self.has_fallback = bool(config.fallback)
        self.daemons = [RemoteDaemon(self, route, config, dirs, wake) for route in routes]

    @property
    def executors(self) -> list[RemoteExecutor]:
        return [executor for daemon in self.daemons for executor in daemon.executors]

    @property
    def lost(self) -> bool:
        return all(daemon.lost for daemon in self.daemons)

    @property
    def has_alternative(self) -> bool:
        """Whether the jobs of one daemon can run elsewhere."""
        return self.has_fallback or len(self.daemons) > 1

    def check_others(self, daemon: RemoteDaemon) -> None:
        for other in self.daemons:
            if other is not daemon and other.lost:
                other.executors[0].check_now()

    def others_reachable(self, daemon: RemoteDaemon) -> bool:
        return any(not other.lost for other in self.daemons if other is not daemon)

    def announce(self) -> None:
        """An executor may be available again, of whichever daemon."""
        self.executors[0].announce()


def routes_for(config: DaemonConfig, dirs: AppDirs) -> list[Route]:
    """Raises UsageError."""
    if config.upstream:
        file = Path(config.upstream)
        if file.resolve() == dirs.connection_file.resolve():
            raise UsageError(
                lazy_text(
                    "--upstream {file} is this daemon's own connection file. Give the file of another daemon, or omit "
                    "--upstream.",
                    file=config.upstream,
                )
            )
        return [FileRoute(file)]
    targets = [parse_target(text) for text in config.remote]
    twice = [target for target in targets if [other.destination for other in targets].count(target.destination) > 1]
    if twice:
        raise UsageError(
            lazy_text(
                "--remote {machine} is given twice. One is enough: all GPUs of a machine are used.",
                machine=str(twice[0]),
            )
        )
    return [SshTunnel(config.ssh, target, dirs) for target in targets]


class RemoteDaemon:
    """One other daemon, with one executor per job that it runs at once: a single one, until its welcome says how many
    those are.

    While no executor is connected, the first one takes a job to find out whether the daemon is running. If the job can
    run elsewhere, the first one checks regularly without a job instead.
    """

    def __init__(
        self, provider: RemoteProvider, route: Route, config: DaemonConfig, dirs: AppDirs, wake: Callable[[], None]
    ) -> None:
        """Raises DiskTrouble, UnsafeConnectionFile."""
        self._provider, self.route = provider, route
        self._config, self._dirs, self._wake = config, dirs, wake
        self._client_id = client_id_for(dirs, "daemon")
        self._grow_lock = threading.Lock()
        self.lost = False
        self.executors = [self._new_executor()]

    def _new_executor(self) -> RemoteExecutor:
        connection = RemoteConnection(self.route, self._client_id)
        return RemoteExecutor(connection, self._dirs, self._config.keep_seconds, self._wake, self)

    @property
    def has_alternative(self) -> bool:
        return self._provider.has_alternative

    @property
    def others_reachable(self) -> bool:
        return self._provider.others_reachable(self)

    @property
    def work_goes_on(self) -> bool:
        return self._provider.has_fallback or self.others_reachable

    def check_others(self) -> None:
        self._provider.check_others(self)

    @property
    def reachable(self) -> bool:
        return not self.lost and any(executor.is_connected for executor in self.executors)

    @property
    def takes_a_job_to_find_out(self) -> bool:
        return not self.lost or not self.others_reachable

    def on_lost(self) -> None:
        """An executor cannot reach the other daemon. Called on its thread.

        The other executors may still be connected, or may not have noticed: those that are connected check. Until one
        of them has an answer, jobs run elsewhere, if they can.
        """
        self.lost = self.has_alternative or not any(executor.is_connected for executor in self.executors)
        for executor in self.executors:
            executor.check_connection()

    def on_found(self) -> None:
        """The other daemon answers. Called on an executor's thread."""
        self.lost = False
        self._provider.announce()

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
