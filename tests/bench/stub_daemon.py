"""A real daemon whose hands are stubs: they answer at once, so that what is measured is the front. For
`tests/bench/server.py`; no mode of the product.

    VELATURA_HOME=… python -m tests.bench.stub_daemon --hands 1 --preview 64
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs, places
from velatura.pixels import PictureRef
from velatura_daemon import daemon_process
from velatura_daemon.config import DaemonConfig
from velatura_daemon.server import server

PROGRESSES = 10  # messages a job: a worker says one a tenth of a second, and one at each scale's end
SIDE = 16  # pixels of the scale that they speak of


class Stub:
    """A hand that has done its job by the front's next turn. info: for the status, with `stub_seconds`, the CPU time
    that stubs have taken from the front's process, and `sync_seconds`, the time that this process has waited in
    fsync."""

    device, available, holds_device, pid = "auto", True, False, 0

    def __init__(self, wake: Callable[[], None], preview_side: int, spent: Spent) -> None:
        self._wake, self._spent = wake, spent
        self._preview = bytes(preview_side * (preview_side * 3 // 4) * 3)
        self._preview_size = preview_side, preview_side * 3 // 4
        self._now: deque[dict[str, Any]] = deque()
        self._next: deque[dict[str, Any]] = deque()

    @property
    def info(self) -> dict[str, Any]:
        return {
            "state": "warm",
            "device": "stub",
            "weights": "stub",
            "stub_seconds": self._spent.stub,
            "sync_seconds": self._spent.sync,
        }

    @info.setter
    def info(self, _: dict[str, Any]) -> None:
        """The foreman keeps there what `ready` has said."""

    def hear(self) -> dict[str, Any] | None:
        """What is begun at this turn is said at the next: between two jobs the front looks at its sockets, as with any
        other hand."""
        if self._now:
            return self._now.popleft()
        self._now, self._next = self._next, self._now
        return None

    def call(self) -> None:
        """It is always there."""

    def work(self, job: dict[str, Any]) -> None:
        began = time.thread_time()
        name, content = job["job"], PictureRef.from_wire(job["content"]["picture"])
        pixels = (
            hashlib.sha256(name.encode()).digest() + Path(job["content"]["path"]).read_bytes()[32:]
        )  # each result a new one
        Path(job["result_path"]).write_bytes(pixels)
        picture = PictureRef(
            hashlib.sha256(pixels).digest(), content.width, content.height, content.format, content.profile
        )
        width, height = self._preview_size
        self._next += [
            {
                "say": "estimate",
                "ticket": name,
                "seconds": 1.0,
                "memory": 1 << 30,
                "tile": 0,
                "device": "stub",
                "sentence": "About a second.",
            },
            *(
                {
                    "say": "progress",
                    "job": name,
                    "level": 0,
                    "levels": 1,
                    "width": SIDE,
                    "height": SIDE,
                    "step": step,
                    "steps": PROGRESSES,
                    "content_loss": 1.0,
                    "style_loss": 1.0,
                    "done": step / PROGRESSES,
                    "seconds_left": 0.5,
                }
                for step in range(1, PROGRESSES + 1)
            ),
            {"say": "preview", "job": name, "level": 0, "width": width, "height": height, "data": self._preview},
            {
                "say": "done",
                "job": name,
                "picture": picture.to_wire(),
                "left": 0,
                "top": 0,
                "weights": "stub",
                "device": "stub",
                "seconds": 0.0,
                "content_loss": 1.0,
                "style_loss": 1.0,
                "started_from": "content",
                "notes": [],
                "thumbnail": b"",
                "style_thumbnails": [],
            },
        ]
        self._spent.stub += time.thread_time() - began
        self._wake()

    def estimate(self, question: dict[str, Any]) -> None:
        self._next.append(
            {
                "say": "estimate",
                "ticket": question["ticket"],
                "seconds": 1.0,
                "memory": 1 << 30,
                "tile": 0,
                "device": "stub",
                "sentence": "About a second.",
            }
        )
        self._wake()

    def cancel(self, job: str) -> None:
        """It is done before it can be stopped."""

    pause = cancel

    def settle(self, job: str) -> None:
        """It keeps nothing."""

    def leave(self) -> None:
        """It holds no device."""

    end_by_force = kill = leave


class Spent:
    """Seconds of the front's process that a benchmark takes off, or tells apart."""

    stub = sync = 0.0

    def watch_syncs(self) -> None:
        """Count the time in os.fsync from now on."""
        fsync = os.fsync

        def timed(fd: int) -> None:
            began = time.perf_counter()
            fsync(fd)
            self.sync += time.perf_counter() - began

        os.fsync = timed  # type: ignore[assignment]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stub_daemon", description=__doc__)
    parser.add_argument("--hands", type=int, default=1)
    parser.add_argument("--preview", type=int, default=64, help="longest side of a preview, in pixels")
    asked = parser.parse_args()
    spent = Spent()
    spent.watch_syncs()

    class Stubs:
        """See `executors.executor.Maker`."""

        lost = False

        def __init__(self, wake: Callable[[], None]) -> None:
            self.executors = [Stub(wake, asked.preview, spent) for _ in range(asked.executors)]

    def stubs_for(_options: DaemonConfig, _places: AppDirs, wake: Callable[[], None]) -> tuple[Stubs, None]:
        return Stubs(wake), None

    server.providers_for = stubs_for  # all else is the daemon as it is: its lock, its log, its files
    daemon_process.run_daemon(places(), DaemonConfig(max_megapixels=64))


if __name__ == "__main__":
    main()
