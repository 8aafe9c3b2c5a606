"""`make bench-farm`: the overhead of the Ray executor per job, and the gain of two workers on this machine.

Uses real daemons and a real cluster of two nodes on this machine; nothing is asserted. Figures: docs/farm.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from tests.farm.machines import Machines
from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.events import Finished
from velatura.client.launch import Launcher
from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.build import build_id, daemon_command
from velatura_daemon.samples import draw

WIDTH, HEIGHT = 256, 192
BATCH = 8
SETTINGS = StyleSettings(quality="draft")


def content(seed: int) -> Picture:
    """Return a sample picture that differs for each seed in its first pixels."""
    return Picture(WIDTH, HEIGHT, PixelFormat("RGB", "u8"), seed.to_bytes(4, "little") + CONTENT[4:])


CONTENT = draw("harbour_town", WIDTH, HEIGHT).tobytes()
STYLE = Picture(WIDTH, HEIGHT, PixelFormat("RGB", "u8"), draw("night_swirls", WIDTH, HEIGHT).tobytes())


Measure = Callable[[Client], tuple[float, float]]


class Bench:
    """Several daemons with everything they need loaded. They are measured alternately, so that other load on the
    machine affects all of them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._seed = 0
        self.console = Console()

    def daemon(self, *options: str) -> Client:
        home = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="vel-", ignore_cleanup_errors=True))
        launcher = Launcher(("/usr/bin/env", f"VELATURA_HOME={home}", *daemon_command(), *options), build_id())
        client = self._stack.enter_context(
            Client("bench", dirs=app_dirs({"VELATURA_HOME": home}), client_id="bench", launcher=launcher)
        )
        client.wait_until_ready()
        self._stack.callback(lambda: (client.shut_down(), self._gone(Path(home))))
        return client

    @staticmethod
    def _gone(home: Path) -> None:
        until = time.monotonic() + 15
        while app_dirs({"VELATURA_HOME": str(home)}).connection_file.exists() and time.monotonic() < until:
            time.sleep(0.05)

    def new_picture(self) -> Picture:
        self._seed += 1
        return content(self._seed)

    def new_job(self, client: Client) -> tuple[float, float]:
        """Return the seconds for a picture that no daemon has seen, in total and in the worker."""
        return self._restyle(client, self.new_picture(), SETTINGS, "one")

    def changed_job(self, client: Client) -> tuple[float, float]:
        """The same for a known picture with another strength."""
        self._seed += 1
        return self._restyle(client, content(0), StyleSettings(quality="draft", strength=40 + self._seed % 40), "moved")

    @staticmethod
    def _restyle(client: Client, picture: Picture, settings: StyleSettings, layer: str) -> tuple[float, float]:
        started_at = time.perf_counter()
        done = client.restyle_and_wait(picture, [(STYLE, 1.0)], settings, layer=layer)
        client.acknowledge(done)
        return time.perf_counter() - started_at, done.result.seconds

    def batch(self, client: Client) -> tuple[float, float]:
        """Return the seconds for eight pictures, in total and summed over the workers."""
        pictures = [self.new_picture() for _ in range(BATCH)]
        worked, started_at = 0.0, time.perf_counter()
        waiting = {
            client.restyle(picture, [(STYLE, 1.0)], SETTINGS, layer=str(number))
            for number, picture in enumerate(pictures)
        }
        for event in client.events():
            if isinstance(event, Finished):
                client.acknowledge(event)
                worked += event.result.seconds
                waiting.discard(event.job)
            if not waiting:
                break
        return time.perf_counter() - started_at, worked

    def alternately(
        self, measure: Measure, clients: dict[str, Client], times: int
    ) -> dict[str, list[tuple[float, float]]]:
        for client in clients.values():
            measure(client)  # loads everything
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
        for _ in range(times):
            for name, client in clients.items():
                seconds[name].append(measure(client))
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=12, help="jobs of each kind; 0: only batches")
    parser.add_argument("--batches", type=int, default=3, help="batches of each kind")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        machines = Machines()
        stack.callback(machines.stop)
        bench = Bench(stack)
        farm = ("--executor", "ray", "--address", machines.address, "--max-actors", "2", "--threads", "1")
        local, ray = bench.daemon("--threads", "1"), bench.daemon(*farm)
        print_line = bench.console.print
        text = (
            f"{WIDTH} × {HEIGHT}, draft; medians (minimum to maximum) of {arguments.times} jobs and "
            f"{arguments.batches} batches, measured alternately"
        )
        print_line(text, highlight=False, soft_wrap=True)
        for what, measure in (
            (("a new picture", bench.new_job), ("another strength", bench.changed_job)) if arguments.times else ()
        ):
            for name, seconds in bench.alternately(measure, {"local": local, "ray": ray}, arguments.times).items():
                around = [1000 * (whole - work) for whole, work in seconds]
                text = (
                    f"{what}, {name}: {_spread([whole for whole, _ in seconds])} s, of which around the worker "
                    f"{_spread(around)} ms"
                )
                print_line(text, highlight=False, soft_wrap=True)
        clients = {
            "one worker, two threads": bench.daemon("--threads", "2"),
            "one worker, one thread": local,
            "two workers, one thread each": bench.daemon("--devices", "cpu,cpu", "--threads", "1"),
            "two workers of a Ray cluster, one thread each": ray,
        }
        for name, seconds in bench.alternately(bench.batch, clients, arguments.batches).items():
            rate = 60 * BATCH / statistics.median(whole for whole, _ in seconds)
            print_line(
                f"{name}: {rate:.1f} pictures per minute; {_spread([whole for whole, _ in seconds])} s for {BATCH}",
                highlight=False,
                soft_wrap=True,
            )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    main()
