"""`make bench`, after `velatura bench` has measured the restyling itself: starting, loading, transferring pictures,
status. Uses the real daemon and the real client; nothing is asserted."""

from __future__ import annotations

import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.events import Finished
from velatura.client.launch import Launcher
from velatura.pixels import Picture, PixelFormat
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.bench.report import spread
from velatura_daemon.build import build_id, daemon_command
from velatura_daemon.samples import draw

REPEATS = 5  # of short measurements
STATUS_CALLS = 300


def launcher(home: Path) -> Launcher:
    """Return a launcher for a daemon with its own home folder."""
    return Launcher(("/usr/bin/env", f"VELATURA_HOME={home}", *daemon_command()), build_id())


def sample(name: str, size: int) -> Picture:
    """Return a sample picture in 4:3, RGB u8."""
    pixels = draw(name, size, size * 3 // 4)
    return Picture(size, size * 3 // 4, PixelFormat("RGB", "u8"), pixels.tobytes())


def timed(action: Callable[[], object]) -> float:
    started_at = time.perf_counter()
    action()
    return time.perf_counter() - started_at


class Bench:
    """Measures, and prints the rows as they are measured."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rows: list[tuple[str, str]] = []
        self.console = Console()

    def add(self, what: str, value: str) -> None:
        self.rows.append((what, value))
        self.console.print(f"{what}: [bold]{value}[/bold]", highlight=False)

    def client(self) -> Client:
        return Client(
            "bench", dirs=app_dirs({"VELATURA_HOME": str(self.home)}), client_id="bench", launcher=launcher(self.home)
        )

    def start_up(self) -> None:
        seconds = []
        for _ in range(REPEATS):
            with self.client() as client:
                seconds.append(timed(client.wait_until_ready))
                pid = client.status()["pid"]
                client.shut_down()
            psutil.Process(pid).wait(20)
        self.add("daemon started and ready", spread(seconds))

    def loading(self) -> None:
        """From the name of the weights to a network that is ready, in a process that has already imported torch."""
        from velatura_daemon.models.load import load_default

        self.add("VGG19, loaded", spread([timed(load_default) for _ in range(REPEATS)]))

    def pid(self) -> int:
        with self.client() as client:
            client.wait_until_ready()
            return int(client.status()["pid"])

    def transport(self) -> None:
        """A round trip without optimisation: strength 0 returns the content."""
        style = sample("night_swirls", 256)
        for channels, sample_kind in (("RGBA", "u8"), ("RGBA", "f32")):
            fmt = PixelFormat(channels, sample_kind)
            seconds = []
            with self.client() as client:
                for repeat in range(REPEATS + 1):
                    data = bytes([repeat + 1]) * (2048 * 2048 * fmt.bytes_per_pixel)
                    content = Picture(2048, 2048, fmt, data if sample_kind == "u8" else float_pixels(repeat))
                    seconds.append(
                        timed(lambda c=content: client.restyle_and_wait(c, [(style, 1.0)], StyleSettings(strength=0)))
                    )
            self.add(f"2048² {channels} {sample_kind}, round trip with decoding", spread(seconds[1:]))
        self.bare_transport()

    def bare_transport(self) -> None:
        """Transfer pixels to the server and a result to the client, without the time that the job itself takes."""
        fmt = PixelFormat("RGBA", "u8")
        style = sample("night_swirls", 256)
        seconds = []
        with self.client() as client:
            for repeat in range(REPEATS):
                content = Picture(2048, 2048, fmt, bytes([100 + repeat]) * (2048 * 2048 * 4))
                started_at = time.perf_counter()
                done = client.restyle_and_wait(content, [(style, 1.0)], StyleSettings(strength=0))
                assert isinstance(done, Finished)
                seconds.append(time.perf_counter() - started_at - done.result.seconds)
        self.add("2048² RGBA u8, round trip without the worker's time", spread(seconds))

    def conversion(self) -> None:
        from velatura_daemon.imaging.colour_io import decode, encode

        for sample_kind in ("u8", "f32"):
            fmt = PixelFormat("RGBA", sample_kind)
            data = bytes(2048 * 2048 * 4) if sample_kind == "u8" else float_pixels(1)
            picture = Picture(2048, 2048, fmt, data)
            image = decode(picture)[0]
            self.add(
                f"2048² RGBA {sample_kind}, decode",
                spread([timed(lambda q=picture: decode(q)) for _ in range(REPEATS)]),
            )
            self.add(
                f"2048² RGBA {sample_kind}, encode",
                spread([timed(lambda q=picture, i=image: encode(i, q)) for _ in range(REPEATS)]),
            )

    def status(self) -> None:
        content, style = sample("mountain_lake", 256), sample("woodcut", 256)
        with self.client() as client, self.client() as second_client:
            job = client.restyle(content, [(style, 1.0)], StyleSettings(iterations=20000))
            next(event for event in client.events(job) if isinstance(event, p.Progress))
            second_client.wait_until_ready()
            seconds = sorted(timed(second_client.status) for _ in range(STATUS_CALLS))
            client.cancel(job)
            list(client.events(job))
        self.add(
            "status while a job runs, median / 99th percentile",
            f"{seconds[len(seconds) // 2] * 1e3:.1f} ms / {seconds[int(len(seconds) * 0.99)] * 1e3:.1f} ms",
        )

    def idle(self) -> None:
        server = psutil.Process(self.pid())
        everyone = [server, *server.children()]
        time.sleep(1)
        before = sum(sum(process.cpu_times()[:2]) for process in everyone)
        time.sleep(20)
        used = sum(sum(process.cpu_times()[:2]) for process in everyone) - before
        self.add("idle daemon and worker, CPU time in 20 s", f"{used * 1e3:.0f} ms")
        self.add("server, memory", f"{server.memory_info().rss / 1e6:.0f} MB")

    def run(self) -> None:
        self.add(
            "machine",
            f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, Python "
            f"{platform.python_version()}",
        )
        for part in (self.start_up, self.loading, self.conversion, self.transport, self.status, self.idle):
            part()
        table = Table("measurement", "result", title="Velatura on this machine")
        for row in self.rows:
            table.add_row(*row)
        self.console.print(table)
        with self.client() as client:
            client.wait_until_ready()
            client.shut_down()
            client.drain()


def float_pixels(seed: int) -> bytes:
    import numpy as np

    return np.random.default_rng(seed).random((2048, 2048, 4), np.float32).tobytes()


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    try:
        Bench(folder).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
