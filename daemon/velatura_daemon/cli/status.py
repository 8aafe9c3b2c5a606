"""How a daemon stands, in words: from what it reports to the rows of `velatura daemon status` and the lines of
`velatura doctor`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from velatura_daemon.config import DaemonConfig

Report = Mapping[str, Any]
JOBS_SHOWN = 6
LAYER_SHOWN = 60  # letters, the last of them: a path's end says more than its beginning
NONE = "–"
REQUESTED = "requested"  # the state of a cluster's worker that has not started yet


def elsewhere(report: Report) -> str:
    """Who does the work; '' where this machine does, and nobody else is to."""
    return _options_of(report).elsewhere


def rows(report: Report) -> list[tuple[str, str]]:
    """Name and value of each row; a value may have several lines."""
    there = _there(report)
    return [
        (
            "daemon",
            f"pid {report['pid']}, version {report['version']}, build {report['build']}, up "
            f"{report['uptime_seconds']:.0f} s",
        ),
        ("listening", "\n".join(report["endpoints"])),
        *_who(report, there),
        ("weights", _different(there, "weights")),
        ("memory", f"{_sum(there, 'memory_bytes') / 1e6:.0f} MB"),
        ("targets", f"{_sum(there, 'targets')} warm, {_sum(there, 'target_bytes') / 1e6:.0f} MB"),
        ("jobs", _jobs(report)),
        (
            "pictures",
            f"{report['pictures']} in {report['spool_bytes'] / 1e6:.0f} MB; up to {report['max_megapixels']:g} "
            "megapixels each",
        ),
    ]


def devices_in_words(report: Report) -> str:
    """'cuda:0 (…), cuda:1 (…)', '2 × cpu (1 thread)'; '' where no worker is there."""
    devices = Counter(_device(one) for one in _there(report) if _device(one) != NONE)
    return ", ".join(device if times == 1 else f"{times} × {device}" for device, times in devices.items())


def stand_in(report: Report) -> str:
    """What is said where this machine does the work that others should; '' where it does not."""
    return _options_of(report).stand_in if report.get("fallback_active") else ""


def _options_of(report: Report) -> DaemonConfig:
    """Who does the work, of what it was started with."""
    return DaemonConfig(
        executor=report.get("executor", "local"), address=report.get("address", ""), upstream=report.get("upstream", "")
    )


def _who(report: Report, there: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    worker, far = report["worker"], elsewhere(report)
    called = len([one for one in _workers(report) if one.get("state") == REQUESTED])
    more = [f"{called} more asked for, not there yet"] if called else []
    work = [("work", stand_in(report) or f"done by {far}")] if far else []
    if len(there) > 1 or (more and there != [worker]):
        return [*work, ("workers", "\n".join([_worker_line(one) for one in there] + more))]
    at_work = (
        f"pid {worker['pid']}, {worker.get('state', '')}"
        if worker["pid"]
        else worker.get("state", "none: it comes with the next job")
    )
    return [*work, ("worker", "\n".join([at_work, *more])), ("device", _device(worker))]


def _there(report: Report) -> list[Mapping[str, Any]]:
    """Those that hold a device or work; before the first has come, the one that will."""
    return [one for one in _workers(report) if one.get("state") != REQUESTED] or [report["worker"]]


def _workers(report: Report) -> list[Mapping[str, Any]]:
    """None, of a daemon that was started by an earlier version and runs still."""
    return list(report.get("workers", []))


def _worker_line(worker: Mapping[str, Any]) -> str:
    state = "at work" if worker["busy"] and _device(worker) != NONE else worker.get("state", "idle")
    return state if _device(worker) == NONE else f"{_device(worker)}: {state}"


def _device(worker: Mapping[str, Any]) -> str:
    return str(worker.get("device", NONE))


def _different(workers: list[Mapping[str, Any]], what: str) -> str:
    said = dict.fromkeys(str(one.get(what, NONE)) for one in workers)
    return ", ".join(one for one in said if one != NONE) or NONE


def _sum(workers: list[Mapping[str, Any]], what: str) -> int:
    return sum(int(one.get(what, 0)) for one in workers)


def _jobs(report: Report) -> str:
    if not report["jobs"]:
        return "none"
    states = Counter(job["state"] for job in report["jobs"])
    lines = [", ".join(f"{times} {state}" for state, times in states.items())]
    lines += [f"{job['state']}: {_end_of(job['layer'])}" for job in report["jobs"][:JOBS_SHOWN]]
    more = len(report["jobs"]) - JOBS_SHOWN
    return "\n".join(lines + ([f"… and {more} more"] if more > 0 else []))


def _end_of(layer: str) -> str:
    return layer if len(layer) <= LAYER_SHOWN else f"…{layer[1 - LAYER_SHOWN :]}"
