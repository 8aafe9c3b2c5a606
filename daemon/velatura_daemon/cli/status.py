"""The daemon's status report as text: the rows of `velatura daemon status` and the lines of `velatura doctor`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from velatura_daemon.config import DaemonConfig

Report = Mapping[str, Any]
MAX_JOBS_SHOWN = 6
MAX_LAYER_CHARACTERS = 60  # from the end of the name: the end of a path is more telling than its start
NONE = "–"
REQUESTED = "requested"  # state of a Ray worker that has been requested and has not started yet


def remote_name(report: Report) -> str:
    """Return where jobs run, if not on this machine; otherwise ''."""
    return _config_of(report).remote_name


def rows(report: Report) -> list[tuple[str, str]]:
    """Return the name and the value of each row; a value may have several lines."""
    workers = _started_workers(report)
    return [
        (
            "daemon",
            f"pid {report['pid']}, version {report['version']}, build {report['build']}, up "
            f"{report['uptime_seconds']:.0f} s",
        ),
        ("listening", "\n".join(report["endpoints"])),
        *_worker_rows(report, workers),
        ("weights", _distinct(workers, "weights")),
        ("memory", f"{_sum(workers, 'memory_bytes') / 1e6:.0f} MB"),
        ("targets", f"{_sum(workers, 'targets')} cached, {_sum(workers, 'target_bytes') / 1e6:.0f} MB"),
        ("jobs", _jobs(report)),
        (
            "pictures",
            f"{report['pictures']} in {report['spool_bytes'] / 1e6:.0f} MB; up to {report['max_megapixels']:g} "
            "megapixels each",
        ),
    ]


def describe_devices(report: Report) -> str:
    """Return the devices of the workers: 'cuda:0 (…), cuda:1 (…)', '2 × cpu (1 thread)'; '' if there is no worker."""
    devices = Counter(_device(worker) for worker in _started_workers(report) if _device(worker) != NONE)
    return ", ".join(device if times == 1 else f"{times} × {device}" for device, times in devices.items())


def fallback_notice(report: Report) -> str:
    """Return the sentence shown while this machine runs jobs in place of an unreachable cluster or daemon; otherwise
    ''."""
    return _config_of(report).fallback_notice if report.get("fallback_active") else ""


def _config_of(report: Report) -> DaemonConfig:
    """Return the parts of the daemon's configuration that say where jobs run."""
    return DaemonConfig(
        executor=report.get("executor", "local"),
        address=report.get("address", ""),
        remote=tuple(report.get("remote", ())),
        upstream=report.get("upstream", ""),
    )


def _worker_rows(report: Report, workers: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    first, remote = report["worker"], remote_name(report)
    requested = len([worker for worker in _workers(report) if worker.get("state") == REQUESTED])
    more = [f"{requested} more requested, not started yet"] if requested else []
    where = [("jobs run on", fallback_notice(report) or remote)] if remote else []
    if len(workers) > 1 or (more and workers != [first]):
        return [*where, ("workers", "\n".join([_worker_line(worker) for worker in workers] + more))]
    if first["pid"]:
        state = f"pid {first['pid']}, {first.get('state', '')}"
    else:
        state = first.get("state", "none; one starts with the next job")
    return [*where, ("worker", "\n".join([state, *more])), ("device", _device(first))]


def _started_workers(report: Report) -> list[Mapping[str, Any]]:
    """Return the workers that have started; if there is none, the placeholder for the first one."""
    return [worker for worker in _workers(report) if worker.get("state") != REQUESTED] or [report["worker"]]


def _workers(report: Report) -> list[Mapping[str, Any]]:
    """Return the workers; none if the daemon is of an earlier version that does not report them."""
    return list(report.get("workers", []))


def _worker_line(worker: Mapping[str, Any]) -> str:
    state = "busy" if worker["busy"] and _device(worker) != NONE else worker.get("state", "idle")
    return state if _device(worker) == NONE else f"{_device(worker)}: {state}"


def _device(worker: Mapping[str, Any]) -> str:
    return str(worker.get("device", NONE))


def _distinct(workers: list[Mapping[str, Any]], field: str) -> str:
    values = dict.fromkeys(str(worker.get(field, NONE)) for worker in workers)
    return ", ".join(value for value in values if value != NONE) or NONE


def _sum(workers: list[Mapping[str, Any]], field: str) -> int:
    return sum(int(worker.get(field, 0)) for worker in workers)


def _jobs(report: Report) -> str:
    if not report["jobs"]:
        return "none"
    states = Counter(job["state"] for job in report["jobs"])
    lines = [", ".join(f"{times} {state}" for state, times in states.items())]
    lines += [f"{job['state']}: {_end_of(job['layer'])}" for job in report["jobs"][:MAX_JOBS_SHOWN]]
    more = len(report["jobs"]) - MAX_JOBS_SHOWN
    return "\n".join(lines + ([f"… and {more} more"] if more > 0 else []))


def _end_of(layer: str) -> str:
    return layer if len(layer) <= MAX_LAYER_CHARACTERS else f"…{layer[1 - MAX_LAYER_CHARACTERS :]}"
