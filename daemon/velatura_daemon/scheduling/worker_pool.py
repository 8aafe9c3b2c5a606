"""The executors: which are free, which one suits a job best, which are idle or hang."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from velatura_daemon.clock import Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.base import Executor, ExecutorProvider
from velatura_daemon.jobs.events import STARTING, Heartbeat, WorkerEvent
from velatura_daemon.jobs.job import Job
from velatura_daemon.jobs.spec import OutputPaths

# Progress may take this many times longer than a heartbeat: a single evaluation of a large picture takes minutes.
PROGRESS_PATIENCE = 10
STARTING_SECONDS = 60.0  # at least, for a worker's first event: importing torch takes long on a busy machine
AFFINITIES_KEPT = 32  # of each kind, per worker


@dataclass
class Assignment:
    """A job given to a worker.

    ticket: its name there, since a job may run more than once. outputs: paths that the worker writes. stopping: the
    worker was asked to stop it. hung: the worker was ended because it gave no sign of life. expected: estimated
    seconds.
    """

    job: Job
    ticket: str
    outputs: OutputPaths
    stopping: bool = False
    hung: bool = False
    expected: float = 0.0


class WorkerSlot:
    """One executor, its assignment, and what it is thought to have in its caches."""

    def __init__(self, executor: Executor, clock: Clock) -> None:
        self.executor = executor
        self.assignment: Assignment | None = None
        self._clock = clock
        self._warm: dict[str, OrderedDict[Hashable, None]] = {kind: OrderedDict() for kind in AFFINITY_KINDS}
        self.heard_at = self.progress_at = clock.now()  # its last event; its last event that was more than a heartbeat
        self.hung = False  # it was ended while idle, because it gave no sign of life

    @property
    def is_free(self) -> bool:
        """Whether it would start a job at once."""
        return self.assignment is None and self.executor.available

    @property
    def running(self) -> Job | None:
        """Its job, unless that is stopping."""
        assignment = self.assignment
        return assignment.job if assignment is not None and not assignment.stopping else None

    def assign(self, assignment: Assignment) -> None:
        """From now on what the job needs counts as cached."""
        self.assignment = assignment
        self.begin()
        for kind, what in _affinities(assignment.job).items():
            self._warm[kind][what] = None
            self._warm[kind].move_to_end(what)
            if len(self._warm[kind]) > AFFINITIES_KEPT:
                self._warm[kind].popitem(last=False)

    def begin(self) -> None:
        """It gets work, or starts: from now on its silence counts."""
        self.heard_at = self.progress_at = self._clock.now()

    def note_event(self, event: WorkerEvent) -> None:
        self.heard_at = self._clock.now()
        if not isinstance(event, Heartbeat):
            self.progress_at = self.heard_at

    def forget_caches(self) -> None:
        """Its process has gone."""
        self.hung = False
        for kind in self._warm.values():
            kind.clear()

    def affinity(self, job: Job) -> tuple[bool, ...]:
        """How much of what a job needs is cached, the most expensive first; tuples compare: the larger the better."""
        return (*(what in self._warm[kind] for kind, what in _affinities(job).items()), self.executor.holds_device)

    def hangs_at(self, patience: float) -> float:
        """When it counts as hung unless it reports something before. patience: seconds between heartbeats."""
        if self.executor.info.state == STARTING:
            patience = max(patience, STARTING_SECONDS)
        if self.assignment is None:
            return self.heard_at + patience
        progress_patience = max(PROGRESS_PATIENCE * patience, 3 * self.assignment.expected)
        return min(self.heard_at + patience, self.progress_at + progress_patience)

    @property
    def is_watched(self) -> bool:
        """Whether its silence means that it hangs."""
        if self.assignment is not None:
            return not self.assignment.hung
        return self.executor.sends_idle_heartbeats and self.executor.holds_device and not self.hung

    def status(self) -> dict[str, Any]:
        return {"pid": self.executor.pid, "busy": self.assignment is not None, **self.executor.info.known()}


class WorkerPool:
    """The executors of a provider; those of a fallback while the provider is lost."""

    def __init__(
        self, provider: ExecutorProvider, fallback: ExecutorProvider | None, config: DaemonConfig, clock: Clock
    ) -> None:
        self._provider, self._fallback, self._config, self._clock = provider, fallback, config, clock
        self._slots: dict[int, WorkerSlot] = {}  # by id of their executor
        list(self)  # now, so that their clocks start

    def __iter__(self) -> Iterator[WorkerSlot]:
        """All of them, the provider's first."""
        providers = [self._provider, *([self._fallback] if self._fallback is not None else [])]
        return iter([self._slot(executor) for provider in providers for executor in provider.executors])

    def _slot(self, executor: Executor) -> WorkerSlot:
        if id(executor) not in self._slots:
            self._slots[id(executor)] = WorkerSlot(executor, self._clock)
        return self._slots[id(executor)]

    # --- who works -----------------------------------------------------------------------------------------
    @property
    def fallback_active(self) -> bool:
        return self._fallback is not None and self._provider.lost

    @property
    def unreachable(self) -> bool:
        """Whether nobody can work: the provider is lost, and there is no fallback."""
        return self._fallback is None and self._provider.lost

    @property
    def active(self) -> list[WorkerSlot]:
        """Those that work at present, available or not."""
        fallback = self._fallback
        provider = fallback if fallback is not None and self._provider.lost else self._provider
        return [self._slot(executor) for executor in provider.executors]

    @property
    def busy(self) -> list[WorkerSlot]:
        return [slot for slot in self if slot.assignment is not None]

    @property
    def any_free(self) -> bool:
        return any(slot.is_free for slot in self.active)

    def slot_of(self, job: Job) -> WorkerSlot | None:
        """The worker that has a job."""
        return next((slot for slot in self if slot.assignment is not None and slot.assignment.job is job), None)

    def best_for(self, job: Job) -> WorkerSlot | None:
        """The free worker with the most of it cached; None: no suitable one is free."""
        return max(self._free_on(job.device), key=lambda slot: slot.affinity(job), default=None)

    def background_slot_for(self, job: Job) -> WorkerSlot | None:
        """A suitable worker whose job gives way to others; None if there is none."""
        running = (slot for slot in self._suitable_for(job.device) if slot.running is not None)
        return next((slot for slot in running if slot.running is not None and slot.running.background), None)

    def _free_on(self, device: str) -> list[WorkerSlot]:
        return [slot for slot in self._suitable_for(device) if slot.is_free]

    def _suitable_for(self, device: str) -> list[WorkerSlot]:
        """A device requested by name has a worker of its own; one that no worker has runs on any."""
        active = self.active
        return [slot for slot in active if slot.executor.device == device] or active

    def for_estimate(self) -> WorkerSlot:
        """A worker to ask how long something would take: a loaded and free one if there is one."""

        def suitability(slot: WorkerSlot) -> tuple[bool, bool, bool]:
            return slot.executor.holds_device, slot.executor.available, slot.assignment is None

        slot = max(self.active, key=suitability)
        if not slot.executor.holds_device:
            slot.begin()
        return slot

    def request_workers(self, jobs: int) -> None:
        """So many jobs wait. No more workers are requested than that, since each may be a machine that is started."""
        for slot in [slot for slot in self.active if not slot.executor.available][:jobs]:
            slot.executor.request_start()

    # --- watching ------------------------------------------------------------------------------------------
    def poll(self) -> Iterator[tuple[WorkerSlot, WorkerEvent]]:
        """The events that have arrived."""
        for slot in self:
            while (event := slot.executor.poll()) is not None:
                slot.note_event(event)
                yield slot, event

    def next_idle(self, now: float, idle_since: float, work_waits: bool) -> WorkerSlot | None:
        """A worker that was idle long enough to release its device. The caller asks again until there is none: after
        each the others' times change."""
        due = [(releases_at, slot) for slot, releases_at in self._release_times(idle_since, work_waits)]
        due = [(releases_at, slot) for releases_at, slot in due if now >= releases_at]
        return min(due, key=lambda one: one[0])[1] if due else None

    def _release_times(self, idle_since: float, work_waits: bool) -> list[tuple[WorkerSlot, float]]:
        """The only active worker that is loaded stays as long as a job may come for it."""
        loaded = [slot for slot in self if slot.executor.holds_device]
        idle = [(slot, slot.progress_at) for slot in loaded if slot.assignment is None]
        if len(loaded) == 1 and loaded[0] in self.active:
            idle = [] if work_waits else [(slot, max(used_at, idle_since)) for slot, used_at in idle]
        return [(slot, since + self._config.worker_seconds) for slot, since in idle]

    def end_hung(self, now: float) -> list[WorkerSlot]:
        """End the workers that gave no sign of life for too long. Returns them."""
        ended = []
        for slot, hangs_at in self._hang_times():
            if now >= hangs_at:
                slot.hung = slot.assignment is None
                if slot.assignment is not None:
                    slot.assignment.hung = True
                slot.executor.terminate()
                ended.append(slot)
        return ended

    def _hang_times(self) -> list[tuple[WorkerSlot, float]]:
        watched = [slot for slot in self if slot.is_watched]
        return [(slot, slot.hangs_at(self._config.hang_seconds)) for slot in watched]

    def seconds_to_next(self, idle_since: float, work_waits: bool) -> float | None:
        """Until a worker may be idle or hung; None: never as things are."""
        moments = [moment for _, moment in [*self._release_times(idle_since, work_waits), *self._hang_times()]]
        return min(moments) - self._clock.now() if moments else None

    def close(self) -> None:
        """Nothing of any worker is left when this returns. All at once: one on another machine may take a while."""
        threads = [threading.Thread(target=slot.executor.close) for slot in self]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def status(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The worker that a user with one machine thinks of, and all that are loaded or busy."""

        def importance(slot: WorkerSlot) -> tuple[bool, bool, bool]:
            return slot.assignment is not None, slot.executor.holds_device, slot in self.active

        slots = list(self)
        shown = [slot.status() for slot in slots if slot.assignment is not None or slot.executor.holds_device]
        return max(slots, key=importance).status(), shown


AFFINITY_KINDS = ("layer", "styles", "network")


def _affinities(job: Job) -> dict[str, Hashable]:
    """What a worker has cached after a job: the layer's targets and curvature, the styles' statistics, the network."""
    styles = tuple(style.picture.blob for style in job.styles)
    return {"layer": (job.client_id, job.layer), "styles": styles, "network": job.weights}
