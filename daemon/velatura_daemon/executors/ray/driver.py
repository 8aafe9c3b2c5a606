"""The process that is Ray's client: `python -m velatura_daemon.executors.ray.driver`. Orders come in by its stdin, each
with the number of the hand that it is for; what is said goes out by its stdout, likewise. See `wire.py`.

It ends with its stdin, or when the cluster is lost: Ray's client is not made for a second connection, a fresh process
is. Its actors end with it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import IO, Any

from velatura_daemon.executors.ray.actor_handle import ActorHandle
from velatura_daemon.executors.ray.cluster import Cluster, ClusterLost
from velatura_daemon.executors.ray.config import RayConfig
from velatura_daemon.logs import log_to_stderr
from velatura_daemon.worker.pipe import read_message, write_message

log = logging.getLogger("velatura.farm")

LEAVING_PATIENCE = 3.0  # seconds for actors to clear up
AGAIN_SOON, AGAIN_LATER = (
    5.0,
    60.0,
)  # seconds until it is worth while to try again: where the head is away; where somebody has to do something


class Driver:
    """Reads orders on the main thread, which never waits for Ray; the connection is made on another, and each hand has
    two of its own."""

    def __init__(self, out: IO[bytes], begin: dict[str, Any]) -> None:
        """begin: terms, options (a worker's), build."""
        self._out = out
        self._lock = threading.Lock()
        self.terms = RayConfig(**begin["terms"])
        self.options, self.build = begin["options"], begin["build"]
        self.posts: dict[int, ActorHandle] = {}
        self.cluster: Cluster | None = None
        self.connected = threading.Event()
        self._is_lost = threading.Lock()

    def say(self, worker: int, say: str, **more: Any) -> None:
        """Tell the front. hand: -1 for what is of all of them."""
        with self._lock:
            write_message(self._out, {"hand": worker, "say": say, **more})

    def connect(self) -> None:
        """On a thread of its own: have the cluster, or end."""
        try:
            self.cluster = Cluster(self.terms, self.lose)
        except ClusterLost as lost:
            self.lose(lost)
            return
        log.info("connected to %s", self.terms.address)
        self.say(-1, "connected")
        self.connected.set()

    def lose(self, lost: ClusterLost) -> None:
        """Say so, and end; the front knows whose jobs it had. From any thread; the first has it."""
        if not self._is_lost.acquire(blocking=False):
            return
        self.say(-1, "lost", sentence=lost.sentence, again=AGAIN_LATER if lost.lasts else AGAIN_SOON)
        os._exit(0)

    def nobody_can_work(self, trouble: str) -> None:
        """An actor cannot be used. Where no other can either, the farm is as good as lost."""
        if not any(post.is_living for post in self.posts.values()):
            self.lose(ClusterLost(trouble, lasts=True))

    def somebody_is_free(self) -> bool:
        """Whether an actor lives and has nothing to do."""
        return any(post.is_living and post.is_idle for post in list(self.posts.values()))

    def do(self, order: dict[str, Any]) -> None:
        """One order. Does not wait."""
        number = order.pop("hand")
        if number not in self.posts:
            self.posts[number] = ActorHandle(number, self)
        getattr(self.posts[number], order.pop("do"))(order)

    def end(self) -> None:
        """Let the actors clear up, and go."""
        enders = [
            threading.Thread(target=post.end, args=(LEAVING_PATIENCE,), daemon=True) for post in self.posts.values()
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
    first = read_message(sys.stdin.buffer)
    if first is None:
        return
    driver = Driver(out, first)
    threading.Thread(target=driver.connect, daemon=True).start()
    while (order := read_message(sys.stdin.buffer)) is not None:
        driver.do(order)
    force = threading.Timer(2 * LEAVING_PATIENCE, os._exit, [1])
    force.daemon = True
    force.start()
    driver.end()
    os._exit(0)  # threads of Ray's might hold it up


if __name__ == "__main__":
    main()
