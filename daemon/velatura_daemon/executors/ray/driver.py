"""The process that is Ray's client: `python -m velatura_daemon.executors.ray.driver`.

Commands come in by its stdin, each with the number of the executor that it is for; events go out by its stdout. It ends
with its stdin, or when the cluster is lost: Ray's client is not made for a second connection, so a fresh process makes
one. Its actors end with it.
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

LEAVING_PATIENCE = 3.0  # seconds for actors to clean up
RETRY_SOON = 5.0  # seconds: the head is away
RETRY_LATER = 60.0  # seconds: somebody has to do something first


class Driver:
    """Reads commands on the main thread, which never waits for Ray; connecting happens on another thread, and each
    actor has two of its own."""

    def __init__(self, out: IO[bytes], begin: BeginDriver) -> None:
        self._out = out
        self._lock = threading.Lock()
        self.config, self.options, self.build = begin.config, begin.options, begin.build
        self.actors: dict[int, ActorHandle] = {}
        self.cluster: Cluster | None = None
        self.connected = threading.Event()
        self._lost = threading.Lock()  # held from the first loss on

    def emit(self, worker: int, event: DriverEvent) -> None:
        """From any thread. worker: the executor's number, or ALL_WORKERS."""
        with self._lock:
            write_message(self._out, FROM_DRIVER, FromDriver(worker, event))

    def connect(self) -> None:
        """On a thread of its own: connect, or end."""
        try:
            self.cluster = Cluster(self.config, self.lose)
        except ClusterLost as lost:
            self.lose(lost)
            return
        log.info("connected to %s", self.config.address)
        self.emit(ALL_WORKERS, ClusterConnected())
        self.connected.set()

    def lose(self, lost: ClusterLost) -> None:
        """Report it and end; the daemon knows which jobs were running. From any thread; only the first call counts."""
        if not self._lost.acquire(blocking=False):
            return
        self.emit(ALL_WORKERS, ClusterUnreachable(lost.sentence, RETRY_LATER if lost.lasts else RETRY_SOON))
        os._exit(0)

    def on_unfit(self, trouble: str) -> None:
        """An actor cannot be used. If no other can either, the cluster is as good as lost."""
        if not any(actor.is_alive for actor in self.actors.values()):
            self.lose(ClusterLost(trouble, lasts=True))

    def any_idle(self) -> bool:
        """Whether an actor lives and has nothing to do."""
        return any(actor.is_alive and actor.is_idle for actor in list(self.actors.values()))

    def handle(self, message: ToActor) -> None:
        """One command. Does not block."""
        if message.worker not in self.actors:
            self.actors[message.worker] = ActorHandle(message.worker, self)
        self.actors[message.worker].handle(message.command)

    def end(self) -> None:
        """Let the actors clean up, and disconnect."""
        enders = [
            threading.Thread(target=actor.end, args=(LEAVING_PATIENCE,), daemon=True) for actor in self.actors.values()
        ]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join(LEAVING_PATIENCE)
        if self.cluster is not None:
            self.cluster.leave()


def main() -> None:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Ray prints must not land among the messages
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    log_to_stderr()
    begin = read_message(sys.stdin.buffer, TO_DRIVER)
    if begin is None:
        return
    driver = Driver(out, begin)
    threading.Thread(target=driver.connect, daemon=True).start()
    while (message := read_message(sys.stdin.buffer, TO_DRIVER)) is not None:
        driver.handle(message)
    force = threading.Timer(2 * LEAVING_PATIENCE, os._exit, [1])
    force.daemon = True
    force.start()
    driver.end()
    os._exit(0)  # Ray's threads might hold it up


if __name__ == "__main__":
    main()
