"""`make bench-server`: the server alone. A real daemon whose workers are stubs, and up to 2,000 real peers on real
sockets.

The CPU time of the stubs, which run in the server's process, is subtracted. Nothing is asserted. `--out FILE` writes
the figures as JSON.
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

from tests.bench.peers import connect_at_once, serve
from velatura.app_dirs import app_dirs
from velatura.client.client import Client

PEERS = (0, 1, 100, 500, 2000)
STATUS_CALLS = 300
SMALL, LARGE = 16, 1024  # pixels per side of the restyled layers


class Driver:
    """Peers in their own process."""

    def __init__(self, home: Path, first: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, child_pipe = context.Pipe()
        self.process = context.Process(target=serve, args=(child_pipe, home, first), daemon=True)
        self.process.start()
        child_pipe.close()

    def send(self, *request: Any) -> None:
        self._pipe.send(request)

    def receive(self) -> Any:
        counts = self._pipe.recv()
        if isinstance(counts, Exception):
            raise counts
        return counts

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._pipe.send(None)
            self._pipe.recv()
        self.process.join(10)


class Bench:
    """One daemon, and measurements of it."""

    def __init__(self, home: Path, workers: int, preview: int) -> None:
        self.home = home
        self._log = (home / "stub.log").open("wb")
        command = [
            sys.executable,
            "-m",
            "tests.bench.stub_daemon",
            "--workers",
            str(workers),
            "--preview",
            str(preview),
        ]
        self.process = subprocess.Popen(
            command, env={**os.environ, "VELATURA_HOME": str(home)}, stdout=self._log, stderr=self._log
        )
        self.server = psutil.Process(self.process.pid)
        until = time.monotonic() + 20
        dirs = app_dirs({"VELATURA_HOME": str(home)})
        while not dirs.connection_file.exists() and time.monotonic() < until:
            time.sleep(0.02)
        self.watcher = Client("bench", dirs=dirs, client_id="watcher", start=False)
        self.watcher.wait_until_ready()

    def usage(self) -> dict[str, float]:
        """Return the server's CPU seconds without those of its stubs, and its seconds in fsync, since it started."""
        worker = self.watcher.status()["worker"]
        times = self.server.cpu_times()
        return {"cpu": times.user + times.system - worker["stub_seconds"], "sync": worker["sync_seconds"]}

    def resources(self) -> dict[str, float]:
        return {"mb": self.server.memory_info().rss / 2**20, "files": self.server.num_fds()}

    def status_times(self, calls: int = STATUS_CALLS) -> dict[str, float]:
        """Return milliseconds per status request, sent one after the other."""
        durations = []
        for _ in range(calls):
            started_at = time.perf_counter()
            self.watcher.status()
            durations.append((time.perf_counter() - started_at) * 1e3)
        durations.sort()
        return {
            "p50_ms": durations[len(durations) // 2],
            "p99_ms": durations[int(len(durations) * 0.99)],
            "max_ms": durations[-1],
        }

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.watcher.shut_down()
            self.watcher.drain()
        self.watcher.disconnect()
        self.process.wait(20)
        self._log.close()


@contextlib.contextmanager
def bench(under: Path | None, workers: int, preview: int = 64) -> Iterator[Bench]:
    home = Path(tempfile.mkdtemp(prefix="vel-", dir=under))
    target = Bench(home, workers, preview)
    try:
        yield target
    finally:
        target.close()
        shutil.rmtree(home, ignore_errors=True)


def idle(target: Bench, count: int, seconds: float) -> dict[str, Any]:
    """Measure a daemon with `count` peers that only send heartbeats."""
    before = target.usage()
    time.sleep(seconds)
    durations = target.usage()["cpu"] - before["cpu"]
    return {"peers": count, **target.resources(), **target.status_times(), "cpu_percent": 100 * durations / seconds}


def busy(target: Bench, driver: Driver, count: int, seconds: float) -> dict[str, Any]:
    """Measure a daemon with `count` peers, each with one job at any time."""
    before, started_at = target.usage(), time.monotonic()
    driver.send("restyle", seconds, count)
    time.sleep(min(1.0, seconds / 4))
    status = target.status_times(min(STATUS_CALLS, int(20 * seconds)))
    resources = target.resources()
    counts = driver.receive()
    elapsed, after = time.monotonic() - started_at, target.usage()
    jobs = counts["done"] / counts["seconds"]
    all_jobs = max(1, counts["done"])
    return {
        "peers": count,
        **resources,
        **status,
        "jobs_per_second": jobs,
        "messages_per_second": (counts["count_in"] + counts["count_out"]) / counts["seconds"],
        "messages_per_job": (counts["count_in"] + counts["count_out"]) / all_jobs,
        "megabytes_per_second": (counts["bytes_in"] + counts["bytes_out"]) / counts["seconds"] / 1e6,
        "cpu_ms_per_job": 1e3 * (after["cpu"] - before["cpu"]) / all_jobs,
        "sync_ms_per_job": 1e3 * (after["sync"] - before["sync"]) / all_jobs,
        "cpu_percent": 100 * (after["cpu"] - before["cpu"]) / elapsed,
        "peers_own_cpu_percent": 100 * counts["own_cpu"] / counts["seconds"],
        "longest_job_s": counts["longest"],
        "stuck": counts["stuck"],
    }


def measure(seconds: float, peer_counts: tuple[int, ...], workers: int, under: Path | None) -> dict[str, Any]:
    """Run all measurements."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    figures: dict[str, Any] = {
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}",
        "descriptors_allowed": soft,
        "workers": workers,
        "idle": [],
        "busy": [],
    }
    with bench(under, workers) as target:
        driver, here = Driver(target.home, 0), 0
        for count in peer_counts:
            driver.send("connect", count - here, SMALL)
            here = driver.receive()
            figures["idle"].append(idle(target, count, seconds / 2))
            show("idle", figures["idle"][-1])
        for count in [count for count in peer_counts if count]:
            figures["busy"].append(busy(target, driver, count, seconds))
            show("busy", figures["busy"][-1])
        figures["after"] = target.resources()
        driver.close()
    with bench(under, workers, preview=512) as target:
        driver = Driver(target.home, 0)
        driver.send("connect", 4, LARGE)
        driver.receive()
        figures["large"] = busy(target, driver, 4, seconds)
        driver.close()
        show("large", figures["large"])
    if under is not None:
        with bench(None, workers) as target:
            driver = Driver(target.home, 0)
            driver.send("connect", 4, SMALL)
            driver.receive()
            figures["on_disk"] = busy(target, driver, 4, seconds)
            driver.close()
            show("on disk", figures["on_disk"])
    with bench(under, workers) as target:
        figures["connect_at_once"] = {
            "peers": max(peer_counts),
            "welcome": connect_at_once(target.home, max(peer_counts)),
        }
        show("connect_at_once", figures["connect_at_once"])
    return figures


def show(what: str, row: dict[str, Any]) -> None:
    text = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()
    )
    Console(width=200).print(f"[bold]{what}[/bold]: {text}", highlight=False)


def table(figures: dict[str, Any]) -> Table:
    columns = (
        "peers",
        "jobs_per_second",
        "messages_per_second",
        "cpu_ms_per_job",
        "sync_ms_per_job",
        "p50_ms",
        "p99_ms",
        "mb",
        "files",
    )
    out = Table(*columns, title="The server alone")
    rows = [row for name in ("idle", "busy") for row in figures[name]]
    for row in rows:
        out.add_row(*(f"{row[name]:.3g}" if name in row else "" for name in columns))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.server", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="duration of each row")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--peers", default=",".join(map(str, PEERS)))
    parser.add_argument(
        "--under", type=Path, help="folder for the daemon's files; /dev/shm excludes the disk from the measurement"
    )
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(
        arguments.seconds, tuple(map(int, arguments.peers.split(","))), arguments.workers, arguments.under
    )
    Console().print(table(figures))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
