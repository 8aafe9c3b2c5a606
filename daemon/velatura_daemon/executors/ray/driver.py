"""The process that is Ray's client: `python -m velatura_daemon.executors.ray.driver`.

It reads commands from stdin, each with the number of its executor, and writes events to stdout. It ends when stdin is
closed or the cluster is lost: Ray's client is not made for a second connection in one process, so a new process is
started for it. Its actors end with it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import IO

from velatura_daemon.executors.ray.actor_handle import ActorHandle
from velatura_daemon.executors.ray.cluster import Cluster, ClusterLost
from velatura_daemon.executors.ray.messages import (
    ALL_WORKERS,
    FROM_DRIVER,
    TO_DRIVER,
    BeginDriver,
    ClusterConnected,
    ClusterUnreachable,
    DriverEvent,
    FromDriver,
    ToActor,
)
from velatura_daemon.logs import log_to_stderr
from velatura_daemon.worker.pipe import read_message, write_message

log = logging.getLogger("velatura.farm")

CLEANUP_SECONDS = 3.0  # for actors to clean up
RETRY_SOON = 5.0  # seconds, if the head cannot be reached
RETRY_LATER = 60.0  # seconds, if the cluster's administrator has to fix something first


class Driver:
    """Handles commands on the main thread, which never waits for Ray. A second thread connects; each actor's handle has
    two more."""

    def __init__(self, out: IO[bytes], begin: BeginDriver) -> None:
        self._out = out
        self._lock = threading.Lock()
        self.config, self.options, self.build = begin.config, begin.options, begin.build
        self.actors: dict[int, ActorHandle] = {}
        self.cluster: Cluster | None = None
        self.connected = threading.Event()
        self._lost = threading.Lock()  # acquired by the first loss, never released

    def emit(self, worker: int, event: DriverEvent) -> None:
        """Send an event to the daemon. From any thread. worker: the executor's number, or ALL_WORKERS."""
        with self._lock:
            write_message(self._out, FROM_DRIVER, FromDriver(worker, event))

    def connect(self) -> None:
        """Connect to the cluster, or end the process. Runs on a thread of its own."""
        try:
            self.cluster = Cluster(self.config, self.lose)
        except ClusterLost as lost:
            self.lose(lost)
            return
        log.info("connected to %s", self.config.address)
        self.emit(ALL_WORKERS, ClusterConnected())
        self.connected.set()

    def lose(self, lost: ClusterLost) -> None:
        """Report the loss and end the process; the daemon knows which jobs were running.

        From any thread. Only the first call has an effect.
        """
        if not self._lost.acquire(blocking=False):
            return
        self.emit(ALL_WORKERS, ClusterUnreachable(lost.sentence, RETRY_LATER if lost.permanent else RETRY_SOON))
        os._exit(0)

    def on_unfit(self, sentence: str) -> None:
        """An actor cannot be used. If no other actor lives, the cluster counts as lost. sentence: the reason."""
        if not any(actor.is_alive for actor in self.actors.values()):
            self.lose(ClusterLost(sentence, permanent=True))

    def any_idle(self) -> bool:
        """Whether an actor lives and has no job."""
        return any(actor.is_alive and actor.is_idle for actor in list(self.actors.values()))

    def handle(self, message: ToActor) -> None:
        """Handle one command. Does not block."""
        if message.worker not in self.actors:
            self.actors[message.worker] = ActorHandle(message.worker, self)
        self.actors[message.worker].handle(message.command)

    def end(self) -> None:
        """Let the actors clean up, and disconnect."""
        threads = [
            threading.Thread(target=actor.end, args=(CLEANUP_SECONDS,), daemon=True) for actor in self.actors.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(CLEANUP_SECONDS)
        if self.cluster is not None:
            self.cluster.disconnect()


def main() -> None:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Ray prints to stdout, which must not mix with the messages
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    log_to_stderr()
    begin = read_message(sys.stdin.buffer, TO_DRIVER)
    if begin is None:
        return
    driver = Driver(out, begin)
    threading.Thread(target=driver.connect, daemon=True).start()
    while (message := read_message(sys.stdin.buffer, TO_DRIVER)) is not None:
        driver.handle(message)
    force = threading.Timer(2 * CLEANUP_SECONDS, os._exit, [1])
    force.daemon = True
    force.start()
    driver.end()
    os._exit(0)  # Ray's threads might delay the end of the process


if __name__ == "__main__":
    main()
