"""`make bench-front`: the front alone. A real daemon whose hands are stubs, and up to 2,000 real peers on real sockets.

What is measured of the front's process is its own: CPU time of the stubs, which run in it, is taken off. Nothing is
asserted. `--out FILE` writes the figures as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.peers import rush, serve
from velatura.app_dirs import app_dirs
from velatura.client.client import Client

PEERS = (0, 1, 100, 500, 2000)
STATUS_CALLS = 300
SMALL, LARGE = 16, 1024  # pixels a side of the layers that are restyled


class Driver:
    """Peers in a process of their own."""

    def __init__(self, home: Path, first: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, home, first), daemon=True)
        self.process.start()
        theirs.close()

    def order(self, *order: Any) -> None:
        self._pipe.send(order)

    def answer(self) -> Any:
        said = self._pipe.recv()
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._pipe.send(None)
            self._pipe.recv()
        self.process.join(10)


class Bench:
    """One daemon, and what is measured of it."""

    def __init__(self, home: Path, hands: int, preview: int) -> None:
        self.home = home
        self._log = (home / "stub.log").open("wb")
        command = [sys.executable, "-m", "tests.bench.stub_daemon", "--workers", str(hands), "--preview", str(preview)]
        self.process = subprocess.Popen(
            command, env={**os.environ, "VELATURA_HOME": str(home)}, stdout=self._log, stderr=self._log
        )
        self.front = psutil.Process(self.process.pid)
        until = time.monotonic() + 20
        where = app_dirs({"VELATURA_HOME": str(home)})
        while not where.connection_file.exists() and time.monotonic() < until:
            time.sleep(0.02)
        self.watcher = Client("bench", dirs=where, client_id="watcher", start=False)
        self.watcher.wait_until_ready()

    def spent(self) -> dict[str, float]:
        """CPU seconds of the front without its stubs', and seconds in fsync, since it started."""
        worker = self.watcher.status()["worker"]
        times = self.front.cpu_times()
        return {"cpu": times.user + times.system - worker["stub_seconds"], "sync": worker["sync_seconds"]}

    def weight(self) -> dict[str, float]:
        return {"mb": self.front.memory_info().rss / 2**20, "files": self.front.num_fds()}

    def status_times(self, calls: int = STATUS_CALLS) -> dict[str, float]:
        """Milliseconds of a status, asked for one after the other."""
        spent = []
        for _ in range(calls):
            began = time.perf_counter()
            self.watcher.status()
            spent.append((time.perf_counter() - began) * 1e3)
        spent.sort()
        return {"p50_ms": spent[len(spent) // 2], "p99_ms": spent[int(len(spent) * 0.99)], "max_ms": spent[-1]}

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.watcher.shut_down()
            self.watcher.drain()
        self.process.wait(20)
        self._log.close()


@contextlib.contextmanager
def bench(under: Path | None, hands: int, preview: int = 64) -> Iterator[Bench]:
    home = Path(tempfile.mkdtemp(prefix="vel-", dir=under))
    one = Bench(home, hands, preview)
    try:
        yield one
    finally:
        one.close()
        shutil.rmtree(home, ignore_errors=True)


def idle(one: Bench, count: int, seconds: float) -> dict[str, Any]:
    """So many peers who only show that they live."""
    before = one.spent()
    time.sleep(seconds)
    spent = one.spent()["cpu"] - before["cpu"]
    return {"peers": count, **one.weight(), **one.status_times(), "cpu_percent": 100 * spent / seconds}


def busy(one: Bench, driver: Driver, count: int, seconds: float) -> dict[str, Any]:
    """So many peers, each with a job in hand at any time."""
    before, began = one.spent(), time.monotonic()
    driver.order("restyle", seconds, count)
    time.sleep(min(1.0, seconds / 4))
    status = one.status_times(min(STATUS_CALLS, int(20 * seconds)))
    weight = one.weight()
    said = driver.answer()
    lasted, after = time.monotonic() - began, one.spent()
    jobs = said["done"] / said["seconds"]
    all_jobs = max(1, said["done"])
    return {
        "peers": count,
        **weight,
        **status,
        "jobs_a_second": jobs,
        "messages_a_second": (said["count_in"] + said["count_out"]) / said["seconds"],
        "messages_a_job": (said["count_in"] + said["count_out"]) / all_jobs,
        "megabytes_a_second": (said["bytes_in"] + said["bytes_out"]) / said["seconds"] / 1e6,
        "cpu_ms_a_job": 1e3 * (after["cpu"] - before["cpu"]) / all_jobs,
        "sync_ms_a_job": 1e3 * (after["sync"] - before["sync"]) / all_jobs,
        "cpu_percent": 100 * (after["cpu"] - before["cpu"]) / lasted,
        "peers_own_cpu_percent": 100 * said["own_cpu"] / said["seconds"],
        "longest_job_s": said["longest"],
        "stuck": said["stuck"],
    }


def measure(seconds: float, counts: tuple[int, ...], hands: int, under: Path | None) -> dict[str, Any]:
    """All of it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    figures: dict[str, Any] = {
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}",
        "descriptors_allowed": soft,
        "hands": hands,
        "idle": [],
        "busy": [],
    }
    with bench(under, hands) as one:
        driver, here = Driver(one.home, 0), 0
        for count in counts:
            driver.order("connect", count - here, SMALL)
            here = driver.answer()
            figures["idle"].append(idle(one, count, seconds / 2))
            show("idle", figures["idle"][-1])
        for count in [count for count in counts if count]:
            figures["busy"].append(busy(one, driver, count, seconds))
            show("busy", figures["busy"][-1])
        figures["after"] = one.weight()
        driver.close()
    with bench(under, hands, preview=512) as one:
        driver = Driver(one.home, 0)
        driver.order("connect", 4, LARGE)
        driver.answer()
        figures["large"] = busy(one, driver, 4, seconds)
        driver.close()
        show("large", figures["large"])
    if under is not None:
        with bench(None, hands) as one:
            driver = Driver(one.home, 0)
            driver.order("connect", 4, SMALL)
            driver.answer()
            figures["on_disk"] = busy(one, driver, 4, seconds)
            driver.close()
            show("on disk", figures["on_disk"])
    with bench(under, hands) as one:
        figures["rush"] = {"connect_at_once": max(counts), "welcome": rush(one.home, max(counts))}
        show("rush", figures["rush"])
    return figures


def show(what: str, row: dict[str, Any]) -> None:
    said = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()
    )
    Console(width=200).print(f"[bold]{what}[/bold]: {said}", highlight=False)


def table(figures: dict[str, Any]) -> Table:
    columns = (
        "peers",
        "jobs_a_second",
        "messages_a_second",
        "cpu_ms_a_job",
        "sync_ms_a_job",
        "p50_ms",
        "p99_ms",
        "mb",
        "files",
    )
    out = Table(*columns, title="The front alone")
    rows = [row for name in ("idle", "busy") for row in figures[name]]
    for row in rows:
        out.add_row(*(f"{row[name]:.3g}" if name in row else "" for name in columns))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.front", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each row")
    parser.add_argument("--hands", type=int, default=1)
    parser.add_argument("--peers", default=",".join(map(str, PEERS)))
    parser.add_argument("--under", type=Path, help="where the daemon's files go: /dev/shm takes the disk out of it")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    figures = measure(asked.seconds, tuple(map(int, asked.peers.split(","))), asked.hands, asked.under)
    Console().print(table(figures))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
