"""`make bench-farm`: what the Ray executor costs a job, and what two workers are worth on this machine. Real daemons, a
real cluster of two nodes here; nothing is asserted. Figures: docs/farm.md.
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
from velatura_daemon.build import build_id, own_command
from velatura_daemon.samples import draw

WIDTH, HEIGHT = 256, 192
BATCH = 8
SETTINGS = StyleSettings(quality="draft")


def content(seed: int) -> Picture:
    """A sample picture, another for each seed: its first pixels say which."""
    return Picture(WIDTH, HEIGHT, PixelFormat("RGB", "u8"), seed.to_bytes(4, "little") + CONTENT[4:])


CONTENT = draw("harbour_town", WIDTH, HEIGHT).tobytes()
STYLE = Picture(WIDTH, HEIGHT, PixelFormat("RGB", "u8"), draw("night_swirls", WIDTH, HEIGHT).tobytes())


Measure = Callable[[Client], tuple[float, float]]


class Bench:
    """Daemons side by side, each with what it needs warm; measured in turns, so that what else the machine does falls
    on all."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._seed = 0
        self.console = Console()

    def daemon(self, *options: str) -> Client:
        home = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="vel-", ignore_cleanup_errors=True))
        launcher = Launcher(("/usr/bin/env", f"VELATURA_HOME={home}", *own_command(), *options), build_id())
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

    def one(self, client: Client) -> tuple[float, float]:
        """Seconds for a picture that nobody has seen, in all and of these the worker's."""
        return self._restyle(client, self.new_picture(), SETTINGS, "one")

    def moved(self, client: Client) -> tuple[float, float]:
        """The same for a picture that was there, with another strength."""
        self._seed += 1
        return self._restyle(client, content(0), StyleSettings(quality="draft", strength=40 + self._seed % 40), "moved")

    @staticmethod
    def _restyle(client: Client, picture: Picture, settings: StyleSettings, layer: str) -> tuple[float, float]:
        began = time.perf_counter()
        done = client.restyle_and_wait(picture, [(STYLE, 1.0)], settings, layer=layer)
        client.acknowledge(done)
        return time.perf_counter() - began, done.result.seconds

    def batch(self, client: Client) -> tuple[float, float]:
        """Seconds for eight pictures, in all and the workers' together."""
        pictures = [self.new_picture() for _ in range(BATCH)]
        worked, began = 0.0, time.perf_counter()
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
        return time.perf_counter() - began, worked

    def in_turns(
        self, measure: Measure, clients: dict[str, Client], times: int
    ) -> dict[str, list[tuple[float, float]]]:
        for client in clients.values():
            measure(client)  # warm
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
        for _ in range(times):
            for name, client in clients.items():
                seconds[name].append(measure(client))
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=12, help="jobs of each kind; 0: batches alone")
    parser.add_argument("--batches", type=int, default=3, help="batches of each kind")
    asked = parser.parse_args()
    with ExitStack() as stack:
        machines = Machines()
        stack.callback(machines.stop)
        bench = Bench(stack)
        farm = ("--executor", "ray", "--address", machines.address, "--max-actors", "2", "--threads", "1")
        pixel_terms, ray = bench.daemon("--threads", "1"), bench.daemon(*farm)
        say = bench.console.print
        told = (
            f"{WIDTH} × {HEIGHT}, draft; medians (least to most) of {asked.times} jobs and {asked.batches} "
            "batches, "
            "in turns"
        )
        say(told, highlight=False, soft_wrap=True)
        for what, measure in (("a new picture", bench.one), ("another strength", bench.moved)) if asked.times else ():
            for name, seconds in bench.in_turns(measure, {"local": pixel_terms, "ray": ray}, asked.times).items():
                around = [1000 * (whole - work) for whole, work in seconds]
                told = (
                    f"{what}, {name}: {_spread([whole for whole, _ in seconds])} s, of which around the worker "
                    f"{_spread(around)} ms"
                )
                say(told, highlight=False, soft_wrap=True)
        clients = {
            "one worker, two threads": bench.daemon("--threads", "2"),
            "one worker, one thread": pixel_terms,
            "two workers, one thread each": bench.daemon("--devices", "cpu,cpu", "--threads", "1"),
            "two workers of a Ray cluster, one thread each": ray,
        }
        for name, seconds in bench.in_turns(bench.batch, clients, asked.batches).items():
            rate = 60 * BATCH / statistics.median(whole for whole, _ in seconds)
            say(
                f"{name}: {rate:.1f} pictures a minute; {_spread([whole for whole, _ in seconds])} s for {BATCH}",
                highlight=False,
                soft_wrap=True,
            )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    main()
