"""The soak test: drives the clients, samples the daemon, and checks what must hold."""

from __future__ import annotations

import platform
import select
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import Daemon
from tests.soak.job_log import JobLog
from tests.soak.monitor import Log, Sample, Trend, resources_of, trend
from tests.soak.soak_client import SoakClient
from tests.soak.turns import MAX_FAIR_RATIO, Turns
from velatura.client import transport
from velatura.client.client import Client
from velatura.protocol import messages as p

# Small caches, so that they fill up soon and later growth is a leak. Silent clients are parked after 4 s, and forgotten
# after 60 s: all clients share a process, and on a loaded machine one can have to wait longer than 10 s for its turn.
OPTIONS = ("--heartbeat", "2", "--park-seconds", "60", "--cache-megabytes", "64", "--spool-megabytes", "256")

MAX_ROUND = 0.5  # seconds: after a longer one, the order in which events were read says nothing about the daemon's

# Share of the time that does not count for trends: the worker's caches and heaps fill up for a quarter of an hour.
WARM_SHARE = 0.5
MIN_TREND_SECONDS = 600.0  # seconds; in a shorter run a trend means nothing, and is only reported
MAX_SERVER_GROWTH, MAX_WORKER_GROWTH = 20.0, 100.0  # megabytes per hour that count as no growth
FILES_SLACK = 8
END_TIMEOUT = 120.0  # seconds for the jobs that are running at the end
POLL_SECONDS = 0.02  # between checks of all clients
WINDOW = 10.0  # seconds over which the worst wait is reported


@dataclass
class Soak:
    """The result of a soak test."""

    seconds: float
    clients: int
    job_log: JobLog
    turns: Turns
    samples: list[Sample]
    trends: dict[str, Trend]
    problems: list[str]
    final_status: dict[str, Any]  # the daemon's last status report
    longest_round: float  # seconds in which each client had one turn
    broken_promises: list[str] = field(default_factory=list)  # sentences, one for each

    def report(self) -> dict[str, Any]:
        results = self.job_log.counts().get("result", 0)
        return {
            "machine": f"{platform.machine()}, Python {platform.python_version()}",
            "seconds": round(self.seconds, 1),
            "clients": self.clients,
            "jobs": self.job_log.counts(),
            "results_by_kind": self.job_log.kinds(),
            "results_per_minute": round(60 * results / max(self.seconds, 1)),
            "actions": dict(self.job_log.actions),
            "failures": dict(self.job_log.failures),
            "fairness": {
                "waits": len(self.turns.ratios),
                "worst": round(self.turns.worst, 2),
                "99_of_100": round(self.turns.percentile(0.99), 2),
                "median": round(self.turns.percentile(0.5), 2),
            },
            "trends": {name: value.to_json() for name, value in self.trends.items()},
            "longest_round": round(self.longest_round, 2),
            "problem_lines_in_the_log": len(self.problems),
            "held_at_the_end": {name: value for name, value in self.final_status.items() if isinstance(value, int)},
            "broken_promises": self.broken_promises,
            "worst_waits": [[at, worst] for at, worst in self.windows()],
            "samples": [asdict(sample) for sample in self.samples[:: max(1, len(self.samples) // 400)]],
        }

    def windows(self) -> list[tuple[float, float]]:
        """Return the worst ratio in each WINDOW."""
        worst: dict[int, float] = {}
        for at, ratio in self.turns.ratios:
            worst[int(at // WINDOW)] = max(worst.get(int(at // WINDOW), 0.0), ratio)
        return [(window * WINDOW, round(ratio, 2)) for window, ratio in sorted(worst.items())]


def soak(home: Path, seconds: float, clients: int) -> Soak:
    """Run `clients` clients at a daemon under `home` for `seconds`, and until all started jobs have ended."""
    daemon = Daemon(home, OPTIONS)
    original_dealer = transport.open_dealer
    job_log, turns, samples = JobLog(), Turns(), []
    watcher = daemon.client("watcher")
    soak_clients = [SoakClient(n, daemon.client, job_log, turns) for n in range(clients)]
    try:
        watcher.wait_until_ready()
        log = Log(daemon.dirs.log_file)
        started_at = last = time.monotonic()
        next_sample, longest, report = 0.0, 0.0, watcher.status()
        while (now := time.monotonic() - started_at) < seconds + END_TIMEOUT:
            submitting = now < seconds
            if not submitting and not job_log.pending:
                break
            for soak_client in soak_clients:
                soak_client.step(now, time.monotonic() - last if submitting else 0.0, submitting)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
            for event in watcher.drain():
                report = event.report if isinstance(event, p.Status) else report
            if now >= next_sample:
                next_sample = now + 1.0
                samples.append(_sample(now, report, job_log))
                watcher.request_status()
                log.read()
                daemon.clients[:] = [watcher]  # soak clients close themselves
            select.select(
                [number for soak_client in soak_clients for number in soak_client.files], [], [], POLL_SECONDS
            )
        elapsed = min(now, seconds)
        report = _collect(soak_clients, watcher, started_at)
        log.read()
        job_log.done = log.done
        names = ("server_mb", "worker_mb", "server_files", "worker_files")
        trends = {name: trend(samples, name, WARM_SHARE * seconds) for name in names}
        result = Soak(elapsed, clients, job_log, turns, samples, trends, log.problems, report, longest)
        result.broken_promises = _broken_promises(result, report)
        return result
    finally:
        transport.open_dealer = original_dealer
        for soak_client in soak_clients:
            soak_client.close()
        daemon.stop()


def _sample(now: float, report: dict[str, Any], job_log: JobLog) -> Sample:
    server_mb, server_files = resources_of(report["pid"])
    worker_mb, worker_files = resources_of(report["worker"]["pid"]) if report["worker"]["pid"] else (0.0, 0)
    finished = sum(entry.ended == "result" for entry in job_log.jobs.values())
    return Sample(
        round(now, 1),
        round(server_mb, 2),
        round(worker_mb, 2),
        server_files,
        worker_files,
        finished,
        len(report["jobs"]),
        report["results_kept"],
        round(report["spool_bytes"] / 2**20, 1),
    )


def _collect(soak_clients: list[SoakClient], watcher: Client, started_at: float) -> dict[str, Any]:
    """Reconnect all clients until every saved result is fetched; abandoned jobs may still be running. Returns the last
    status."""
    deadline = time.monotonic() + END_TIMEOUT
    while True:
        for soak_client in soak_clients:
            soak_client.reconnect()
        while not all(soak_client.is_done for soak_client in soak_clients) and time.monotonic() < deadline:
            for soak_client in soak_clients:
                soak_client.step(time.monotonic() - started_at, 0.0, False)
            select.select(
                [number for soak_client in soak_clients for number in soak_client.files], [], [], POLL_SECONDS
            )
        report = watcher.status()
        if not (report["jobs"] or report["results_kept"] or report["stopped_midway"]) or time.monotonic() > deadline:
            return report


def _broken_promises(result: Soak, report: dict[str, Any]) -> list[str]:
    """Return a sentence for each broken promise."""
    job_log, turns = result.job_log, result.turns
    broken_promises = job_log.violations[:50]
    if pending := job_log.pending:
        broken_promises.append(f"{len(pending)} jobs never ended, {pending[0]} first")
    if lost := job_log.lost:
        broken_promises.append(f"{len(lost)} results were never received by their client, {lost[0]} first")
    results = job_log.counts().get("result", 0)
    if results and not job_log.done:
        broken_promises.append("the log does not name finished jobs, so lost results would not be noticed")
    if job_log.failures:
        broken_promises.append(f"jobs failed: {dict(job_log.failures)}")
    if turns.worst > MAX_FAIR_RATIO and result.longest_round < MAX_ROUND:
        broken_promises.append(f"a client waited {turns.worst:.1f} times its share of turns")
    if result.problems:
        broken_promises.append(f"the log has {len(result.problems)} problem lines:  {result.problems[0][:200]}")
    if left := {name: report[name] for name in ("jobs", "results_kept", "stopped_midway") if report[name]}:
        broken_promises.append(f"at the end the daemon still has {left}")
    kinds = Counter(job_log.kinds())
    broken_promises += [f"no {kind} job had a result" for kind in ("as it is", "blended") if not kinds[kind]]
    broken_promises += _growth_problems(result)
    return broken_promises


def _growth_problems(result: Soak) -> list[str]:
    if result.seconds < MIN_TREND_SECONDS:
        return []
    sentences = []
    for name, limit in (("server_mb", MAX_SERVER_GROWTH), ("worker_mb", MAX_WORKER_GROWTH)):
        if (growth := result.trends[name].growth_per_hour) > limit:
            sentences.append(f"{name} grows by {growth:.1f} per hour; up to {limit:.0f} count as no growth")
    for name in ("server_files", "worker_files"):
        if (grown := result.trends[name].last - result.trends[name].first) > FILES_SLACK:
            sentences.append(f"{name} have grown by {grown:.0f}")
    return sentences
