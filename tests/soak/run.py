"""The soak itself."""

from __future__ import annotations

import platform
import select
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import Daemon
from tests.soak.ledger import Manifest
from tests.soak.soaker import Soaker
from tests.soak.turns import FAIR, Turns
from tests.soak.watch import Log, Sample, Trend, trend, weigh
from velatura.client import transport
from velatura.client.client import Client
from velatura.protocol import messages as p

# Small caches, so that they are full soon and what grows then is a leak. Silent clients are parked after 4 s and
# forgotten after 10.
OPTIONS = ("--heartbeat", "2", "--park-seconds", "10", "--cache-megabytes", "64", "--spool-megabytes", "256")

# of the time does not count for trends: a quarter of an hour goes by until the worker's caches and heaps are filled
WARM_SHARE = 0.5
LONG_ENOUGH = 600.0  # seconds; in less a slope says nothing, and is told only
FRONT_SLOPE, WORKER_SLOPE = 20.0, 100.0  # megabytes an hour that pass for flat
FILES_SLACK = 8
LAST_PATIENCE = 120.0  # seconds for what is in hand at the end
LOOK = 0.02  # seconds between looks at all clients
WINDOW = 10.0  # seconds of the fairness over time


@dataclass
class Soak:
    """What a soak came to."""

    seconds: float
    clients: int
    ledger: Manifest
    turns: Turns
    samples: list[Sample]
    trends: dict[str, Trend]
    trouble: list[str]
    at_the_end: dict[str, Any]  # the daemon's status
    broken: list[str] = field(default_factory=list)  # sentences: promises that did not hold

    def report(self) -> dict[str, Any]:
        results = self.ledger.counts().get("result", 0)
        return {
            "machine": f"{platform.machine()}, Python {platform.python_version()}",
            "seconds": round(self.seconds, 1),
            "clients": self.clients,
            "jobs": self.ledger.counts(),
            "results_by_kind": self.ledger.kinds(),
            "results_a_minute": round(60 * results / max(self.seconds, 1)),
            "acts": dict(self.ledger.acts),
            "failures": dict(self.ledger.failures),
            "fairness": {
                "waits": len(self.turns.ratios),
                "worst": round(self.turns.worst, 2),
                "99_of_100": round(self.turns.percentile(0.99), 2),
                "median": round(self.turns.percentile(0.5), 2),
            },
            "trends": {name: value.to_json() for name, value in self.trends.items()},
            "lines_of_trouble_in_the_log": len(self.trouble),
            "held_at_the_end": {name: value for name, value in self.at_the_end.items() if isinstance(value, int)},
            "broken_promises": self.broken,
            "worst_waits": [[at, worst] for at, worst in self.windows()],
            "samples": [asdict(sample) for sample in self.samples[:: max(1, len(self.samples) // 400)]],
        }

    def windows(self) -> list[tuple[float, float]]:
        """The worst ratio of each WINDOW."""
        worst: dict[int, float] = {}
        for at, ratio in self.turns.ratios:
            worst[int(at // WINDOW)] = max(worst.get(int(at // WINDOW), 0.0), ratio)
        return [(window * WINDOW, round(ratio, 2)) for window, ratio in sorted(worst.items())]


def soak(home: Path, seconds: float, clients: int) -> Soak:
    """clients at a daemon of their own under `home`, for so many seconds and as long as it takes to end what is
    begun."""
    daemon = Daemon(home, OPTIONS)
    chosen = transport.open_dealer
    ledger, turns, samples = Manifest(), Turns(), []
    watcher = daemon.client("watcher")
    soakers = [Soaker(n, daemon.client, ledger, turns) for n in range(clients)]
    try:
        watcher.wait_until_ready()
        log = Log(daemon.places.log_file)
        began = last = time.monotonic()
        next_sample, report = 0.0, watcher.status()
        while (now := time.monotonic() - began) < seconds + LAST_PATIENCE:
            asking = now < seconds
            if not asking and not ledger.pending:
                break
            for soaker in soakers:
                soaker.step(now, time.monotonic() - last if asking else 0.0, asking)
            last = time.monotonic()
            for event in watcher.drain():
                report = event.report if isinstance(event, p.Status) else report
            if now >= next_sample:
                next_sample = now + 1.0
                samples.append(_sample(now, report, ledger))
                watcher.request_status()
                log.read()
                daemon.clients[:] = [watcher]  # the soakers close their own
            select.select([number for soaker in soakers for number in soaker.files], [], [], LOOK)
        lasted = min(now, seconds)
        report = _collect(soakers, watcher, began)
        log.read()
        ledger.done = log.done
        names = ("front_mb", "worker_mb", "front_files", "worker_files")
        trends = {name: trend(samples, name, WARM_SHARE * seconds) for name in names}
        result = Soak(lasted, clients, ledger, turns, samples, trends, log.trouble, report)
        result.broken = _broken(result, report)
        return result
    finally:
        transport.open_dealer = chosen
        for soaker in soakers:
            soaker.close()
        daemon.stop()


def _sample(now: float, report: dict[str, Any], ledger: Manifest) -> Sample:
    front_mb, front_files = weigh(report["pid"])
    worker_mb, worker_files = weigh(report["worker"]["pid"]) if report["worker"]["pid"] else (0.0, 0)
    finished = sum(entry.ended == "result" for entry in ledger.jobs.values())
    return Sample(
        round(now, 1),
        round(front_mb, 2),
        round(worker_mb, 2),
        front_files,
        worker_files,
        finished,
        len(report["jobs"]),
        report["results_kept"],
        round(report["spool_bytes"] / 2**20, 1),
    )


def _collect(soakers: list[Soaker], watcher: Client, began: float) -> dict[str, Any]:
    """Everybody comes for what waits, until nothing is left; what is adrift may be in work still. Returns the last
    status."""
    until = time.monotonic() + LAST_PATIENCE
    while True:
        for soaker in soakers:
            soaker.come_back()
        while not all(soaker.settled for soaker in soakers) and time.monotonic() < until:
            for soaker in soakers:
                soaker.step(time.monotonic() - began, 0.0, False)
            select.select([number for soaker in soakers for number in soaker.files], [], [], LOOK)
        report = watcher.status()
        if not (report["jobs"] or report["results_kept"] or report["stopped_midway"]) or time.monotonic() > until:
            return report


def _broken(result: Soak, report: dict[str, Any]) -> list[str]:
    """Every promise that did not hold, in a sentence."""
    ledger, turns = result.ledger, result.turns
    broken = ledger.wrong[:50]
    if pending := ledger.pending:
        broken.append(f"{len(pending)} jobs never ended, {pending[0]} first")
    if lost := ledger.lost:
        broken.append(f"{len(lost)} results were made and never came to their client, {lost[0]} first")
    results = ledger.counts().get("result", 0)
    if results and not ledger.done:
        broken.append("the log does not say which jobs are done, so lost results would not be seen")
    if ledger.failures:
        broken.append(f"jobs failed: {dict(ledger.failures)}")
    if turns.worst > FAIR:
        broken.append(f"a client waited {turns.worst:.1f} times its share of turns")
    if result.trouble:
        broken.append(f"the log has {len(result.trouble)} lines of trouble: {result.trouble[0][:200]}")
    if left := {name: report[name] for name in ("jobs", "results_kept", "stopped_midway") if report[name]}:
        broken.append(f"at the end the daemon still holds {left}")
    kinds = Counter(ledger.kinds())
    broken += [f"no {kind} job had a result" for kind in ("as it is", "blended") if not kinds[kind]]
    broken += _grown(result)
    return broken


def _grown(result: Soak) -> list[str]:
    if result.seconds < LONG_ENOUGH:
        return []
    sentences = []
    for name, limit in (("front_mb", FRONT_SLOPE), ("worker_mb", WORKER_SLOPE)):
        if (slope := result.trends[name].slope_an_hour) > limit:
            sentences.append(f"{name} grows by {slope:.1f} an hour; up to {limit:.0f} pass for flat")
    for name in ("front_files", "worker_files"):
        if (grown := result.trends[name].last - result.trends[name].first) > FILES_SLACK:
            sentences.append(f"{name} have grown by {grown:.0f}")
    return sentences
