"""`make bench-farm`: what the Ray executor costs a job, and what two workers are worth on this machine. Real daemons, a real cluster of two
nodes here; nothing is asserted. Figures: docs/farm.md.
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

from pastiche.client import Client, Finished
from pastiche.launch import Launcher
from pastiche.paths import places
from pastiche.pixels import Picture, PixelFormat
from pastiche.settings import StyleSettings
from pastiche_daemon.run import build_id, own_command
from pastiche_daemon.samples import draw
from tests.farm.machines import Machines

WIDTH, HEIGHT = 384, 288
BATCH = 8
SETTINGS = StyleSettings(quality="draft")


def content(seed: int) -> Picture:
    """A sample picture, another for each seed: its first row says which."""
    pixels = bytearray(draw("harbour_town", WIDTH, HEIGHT).tobytes())
    pixels[:4] = seed.to_bytes(4, "little")
    return Picture(WIDTH, HEIGHT, PixelFormat("RGB", "u8"), bytes(pixels))


STYLE = Picture(WIDTH, HEIGHT, PixelFormat("RGB", "u8"), draw("night_swirls", WIDTH, HEIGHT).tobytes())


class Bench:
    """Daemons side by side, each with what it needs warm; measured in turns, so that what else the machine does falls on all."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._seed = 0
        self.console = Console()

    def daemon(self, *options: str) -> Client:
        home = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pst-", ignore_cleanup_errors=True))
        launcher = Launcher(("/usr/bin/env", f"PASTICHE_HOME={home}", *own_command(), *options), build_id())
        client = self._stack.enter_context(Client("bench", where=places({"PASTICHE_HOME": home}), client_id="bench", launcher=launcher))
        client.wait_until_ready()
        self._stack.callback(lambda: (client.shut_down(), self._gone(Path(home))))
        return client

    @staticmethod
    def _gone(home: Path) -> None:
        until = time.monotonic() + 15
        while places({"PASTICHE_HOME": str(home)}).connection_file.exists() and time.monotonic() < until:
            time.sleep(0.05)

    def new_picture(self) -> Picture:
        self._seed += 1
        return content(self._seed)

    def one(self, client: Client) -> float:
        """Seconds for a picture that nobody has seen."""
        picture = self.new_picture()
        began = time.perf_counter()
        client.restyle_and_wait(picture, [(STYLE, 1.0)], SETTINGS, layer="one")
        return time.perf_counter() - began

    def moved(self, client: Client) -> float:
        """Seconds for a picture that was there, with another strength."""
        self._seed += 1
        settings = StyleSettings(quality="draft", strength=40 + self._seed % 40)
        began = time.perf_counter()
        client.restyle_and_wait(content(0), [(STYLE, 1.0)], settings, layer="moved")
        return time.perf_counter() - began

    def batch(self, client: Client) -> float:
        """Seconds for eight pictures."""
        pictures = [self.new_picture() for _ in range(BATCH)]
        began = time.perf_counter()
        waiting = {client.restyle(picture, [(STYLE, 1.0)], SETTINGS, layer=str(number)) for number, picture in enumerate(pictures)}
        for event in client.events():
            if isinstance(event, Finished):
                client.received(event)
                waiting.discard(event.job)
            if not waiting:
                break
        return time.perf_counter() - began

    def in_turns(self, measure: Callable[[Client], float], clients: dict[str, Client], times: int) -> dict[str, list[float]]:
        for client in clients.values():
            measure(client)  # warm
        seconds: dict[str, list[float]] = {name: [] for name in clients}
        for _ in range(times):
            for name, client in clients.items():
                seconds[name].append(measure(client))
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=12, help="jobs of each kind")
    parser.add_argument("--batches", type=int, default=3, help="batches of each kind")
    asked = parser.parse_args()
    with ExitStack() as stack:
        machines = Machines()
        stack.callback(machines.stop)
        bench = Bench(stack)
        farm = ("--executor", "ray", "--address", machines.address, "--max-actors", "2", "--threads", "1")
        local, ray = bench.daemon("--threads", "1"), bench.daemon(*farm)
        say = bench.console.print
        say(f"{WIDTH} × {HEIGHT}, draft; medians (least to most) of {asked.times}, in turns", highlight=False)
        for what, measure in (("a new picture", bench.one), ("another strength", bench.moved)):
            for name, seconds in bench.in_turns(measure, {"local": local, "ray": ray}, asked.times).items():
                say(f"{what}, {name}: {statistics.median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f})", highlight=False)
        clients = {
            "one worker, two threads": bench.daemon("--threads", "2"),
            "one worker, one thread": local,
            "two workers, one thread each": bench.daemon("--devices", "cpu,cpu", "--threads", "1"),
            "two workers of a Ray cluster, one thread each": ray,
        }
        for name, seconds in bench.in_turns(bench.batch, clients, asked.batches).items():
            rate = 60 * BATCH / statistics.median(seconds)
            say(f"{name}: {rate:.1f} pictures a minute ({min(seconds):.1f} to {max(seconds):.1f} s for {BATCH})", highlight=False)


if __name__ == "__main__":
    main()
