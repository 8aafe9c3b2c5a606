"""The daemon's status report as text: the rows of `velatura daemon status` and the lines of `velatura doctor`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from velatura.i18n import _, lazy_list, lazy_text, ngettext, pgettext, translated
from velatura_daemon.config import DaemonConfig
from velatura_daemon.cpu_label import device_label_from

Report = Mapping[str, Any]
Lines = str | list[str]  # a string is one line
MAX_JOBS_SHOWN = 6
MAX_LAYER_CHARACTERS = 60  # from the end of the name: the end of a path is more telling than its start
NONE = "–"
REQUESTED = "requested"  # state of a Ray worker that has been requested and has not started yet
NOT_CONNECTED = "not connected yet"  # not translated: state of a worker on another machine
# The states of workers and jobs, as reports have them. Others are shown as they are.
STATES = {  # not translated: the keys, which are as reports have them
    # Translators: state of a worker of the daemon, as the next ones.
    "starting": lazy_text("starting"),
    # Translators: state of a worker: the network is loaded.
    "warm": lazy_text("warm"),
    # Translators: state of a worker.
    "busy": lazy_text("busy"),
    # Translators: state of a worker.
    "idle": lazy_text("idle"),
    # Translators: state of a worker.
    "ready": lazy_text("ready"),
    # Translators: state of a worker that a cluster is asked for.
    REQUESTED: lazy_text("requested"),
    # Translators: state of a worker: pictures are sent to its machine.
    "sending": lazy_text("sending"),
    # Translators: state of a worker on another machine.
    NOT_CONNECTED: lazy_text("not connected yet"),
    # Translators: state of a worker on another machine.
    "at work": lazy_text("at work"),
    # Translators: state of a worker on another machine.
    "connecting": lazy_text("connecting"),
    # Translators: state of a worker on another machine.
    "connected": lazy_text("connected"),
    # Translators: state of a worker on another machine, whose daemon is to accept the restyle.
    "waiting to be accepted there": lazy_text("waiting to be accepted there"),
    # Translators: state of a worker on another machine, whose daemon it waits for.
    "waiting there": lazy_text("waiting there"),
    # Translators: state of a worker.
    "waiting for a machine of the cluster": lazy_text("waiting for a machine of the cluster"),
    # Translators: state of a worker.
    "connecting to the cluster": lazy_text("connecting to the cluster"),
    # Translators: state of a restyle: its pictures are not complete yet.
    "waiting": lazy_text("waiting"),
    # Translators: state of a restyle.
    "queued": lazy_text("queued"),
    # Translators: state of a restyle.
    "running": lazy_text("running"),
    # Translators: state of a restyle whose program has gone: it is kept for a while.
    "parked": lazy_text("parked"),
}


def remote_name(report: Report) -> str:
    """Return where jobs run, if not on this machine; otherwise ''."""
    return _config_of(report).remote_name


def rows(report: Report) -> list[tuple[str, Lines]]:
    """Return the name of each row and the lines of its value."""
    workers = _started_workers(report)
    # Translators: what is known of the daemon; up: for how long it has been running.
    daemon = _("pid {pid}, version {version}, build {build}, up {seconds:.0f} s").format(
        pid=report["pid"], version=report["version"], build=report["build"], seconds=report["uptime_seconds"]
    )
    memory = _("{megabytes:.0f} MB").format(megabytes=_sum(workers, "memory_bytes") / 1e6)
    # Translators: number of targets (of the optimisation) that are kept in memory, and their size.
    targets = _("{number} cached, {megabytes:.0f} MB").format(
        number=_sum(workers, "targets"), megabytes=_sum(workers, "target_bytes") / 1e6
    )
    # Translators: number of pictures that the daemon has on disk, their size, and the largest one that it accepts.
    pictures = _("{number} in {megabytes:.0f} MB; up to {megapixels:g} megapixels each").format(
        number=report["pictures"], megabytes=report["spool_bytes"] / 1e6, megapixels=report["max_megapixels"]
    )
    return [
        (pgettext("status", "daemon"), daemon),
        # Translators: addresses at which the daemon is reached.
        (pgettext("status", "listening"), list(report["endpoints"])),
        *_worker_rows(report, workers),
        (pgettext("status", "weights"), _distinct(workers, "weights")),
        (pgettext("status", "memory"), memory),
        (pgettext("status", "targets"), targets),
        (pgettext("status", "jobs"), _jobs(report)),
        (pgettext("status", "pictures"), pictures),
    ]


def describe_devices(report: Report) -> str:
    """Return the devices of the workers: 'cuda:0 (…), cuda:1 (…)', '2 × cpu (1 thread)'; '' if there is no worker."""
    devices = Counter(_device(worker) for worker in _started_workers(report) if _device(worker) != NONE)
    return lazy_list([device if times == 1 else f"{times} × {device}" for device, times in devices.items()])


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


def _worker_rows(report: Report, workers: list[Mapping[str, Any]]) -> list[tuple[str, Lines]]:
    first, remote = report["worker"], remote_name(report)
    requested = len([worker for worker in _workers(report) if worker.get("state") == REQUESTED])
    more: list[str] = []
    if requested:
        more = [
            # Translators: a number of workers.
            ngettext("{count} more requested, not started yet", "{count} more requested, not started yet", requested)
        ]
    where: list[tuple[str, Lines]] = []
    if remote:
        where = [(pgettext("status", "jobs run on"), fallback_notice(report) or remote)]
    if len(workers) > 1 or (more and workers != [first]):
        return [*where, (pgettext("status", "workers"), [_worker_line(worker) for worker in workers] + more)]
    if first["pid"]:
        # Translators: of a worker: the number of its process, and its state.
        state = _("pid {pid}, {state}").format(pid=first["pid"], state=state_name(first.get("state", "")))
    elif "state" in first:
        state = state_name(first["state"])
    else:
        # Translators: a worker of the daemon.
        state = _("none; one starts with the next job")
    return [
        *where,
        (pgettext("status", "worker"), [state, *more] if more else state),
        (pgettext("status", "device"), _device(first)),
    ]


def _started_workers(report: Report) -> list[Mapping[str, Any]]:
    """Return the workers that have started; if there is none, the placeholder for the first one."""
    return [worker for worker in _workers(report) if worker.get("state") != REQUESTED] or [report["worker"]]


def _workers(report: Report) -> list[Mapping[str, Any]]:
    """Return the workers; none if the daemon is of an earlier version that does not report them."""
    return list(report.get("workers", []))


def _worker_line(worker: Mapping[str, Any]) -> str:
    state = "busy" if worker["busy"] and _device(worker) != NONE else worker.get("state", "idle")
    return state_name(state) if _device(worker) == NONE else f"{_device(worker)}: {state_name(state)}"


def state_name(state: str) -> str:
    """A state of a worker or a job, in the user's language."""
    name: str = translated(STATES.get(state, state))
    return name


def _device(worker: Mapping[str, Any]) -> str:
    name: str = translated(device_label_from(str(worker.get("device", NONE))))
    return name


def _distinct(workers: list[Mapping[str, Any]], field: str) -> str:
    values = dict.fromkeys(str(worker.get(field, NONE)) for worker in workers)
    return lazy_list([value for value in values if value != NONE]) or NONE


def _sum(workers: list[Mapping[str, Any]], field: str) -> int:
    return sum(int(worker.get(field, 0)) for worker in workers)


def _jobs(report: Report) -> Lines:
    if not report["jobs"]:
        # Translators: the number of jobs.
        return pgettext("jobs", "none")
    states = Counter(job["state"] for job in report["jobs"])
    # Translators: how many restyles have a state, such as “2 running”.
    counts = [_("{number} {state}").format(number=times, state=state_name(state)) for state, times in states.items()]
    lines = [lazy_list(counts)]
    lines += [f"{state_name(job['state'])}: {_end_of(job['layer'])}" for job in report["jobs"][:MAX_JOBS_SHOWN]]
    more = len(report["jobs"]) - MAX_JOBS_SHOWN
    # Translators: more restyles than are listed.
    return lines + ([ngettext("… and {count} more", "… and {count} more", more)] if more > 0 else [])


def _end_of(layer: str) -> str:
    return layer if len(layer) <= MAX_LAYER_CHARACTERS else f"…{layer[1 - MAX_LAYER_CHARACTERS :]}"
