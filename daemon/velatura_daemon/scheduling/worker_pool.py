"""Who works, and who is best for a job. Plain data over executors; what a hand is told, the foreman says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

from velatura_daemon.clock import Clock
from velatura_daemon.executors.base import Executor, ExecutorProvider
from velatura_daemon.jobs.job import Job

# times longer than for a sign of life is waited for one that the work goes on: an evaluation may take minutes
SLOW = 10
STARTING = 60.0  # seconds at least for a worker's first sign: importing torch takes its time on a busy machine
REMEMBERED = 32  # things that a hand is thought to have warm, of each kind


@dataclass
class Assignment:
    """A job at a hand. ticket: what the two call it; job ids are the clients', and a job can have several turns. paths:
    where its files go. stopping: it was told to stop, and has not yet. hung: it has given no sign of life. expected:
    seconds that it is thought to take."""

    job: Job
    ticket: str
    paths: dict[str, Path]
    stopping: bool = False
    hung: bool = False
    expected: float = 0.0


class WorkerSlot:
    """An executor, what it has in hand, and what it is thought to have warm."""

    def __init__(self, executor: Executor, clock: Clock) -> None:
        self.executor = executor
        self.assignment: Assignment | None = None
        self._clock = clock
        self._warm: dict[str, OrderedDict[Hashable, None]] = {
            kind: OrderedDict() for kind in ("layer", "styles", "network")
        }
        self.heard_at = self.moved_at = clock.now()  # when it last said anything; when its work last went on

    @property
    def is_free(self) -> bool:
        """Whether it would begin a job at once."""
        return self.assignment is None and self.executor.available

    def begin(self, assignment: Assignment) -> None:
        """Take a job in hand. What it does is warm from now on."""
        self.assignment = assignment
        self.heard_at = self.moved_at = self._clock.now()
        for kind, what in _traits(assignment.job).items():
            self._warm[kind][what] = None
            self._warm[kind].move_to_end(what)
            if len(self._warm[kind]) > REMEMBERED:
                self._warm[kind].popitem(last=False)

    def heard(self, goes_on: bool) -> None:
        """It has said something. goes_on: about its work."""
        self.heard_at = self._clock.now()
        if goes_on:
            self.moved_at = self.heard_at

    def forget(self) -> None:
        """Its process has gone, and all that was warm."""
        for things in self._warm.values():
            things.clear()

    def warmth(self, job: Job) -> tuple[bool, ...]:
        """How much of what a job needs is there, the dearest first; the larger the better. The layer's targets and
        curvature, the styles' moments, the network, anything at all."""
        return (*(what in self._warm[kind] for kind, what in _traits(job).items()), self.executor.holds_device)

    def hangs_at(self, patience: float) -> float:
        """When it is taken for hung, if it says nothing more. patience: seconds for a sign of life."""
        if self.executor.info.get("state") == "starting":
            patience = max(patience, STARTING)
        if self.assignment is None:
            return self.heard_at + patience
        return min(self.heard_at + patience, self.moved_at + max(SLOW * patience, 3 * self.assignment.expected))


class WorkerPool:
    """The hands of a maker; those of another, the spare, while the first is lost."""

    def __init__(self, maker: ExecutorProvider, spare: ExecutorProvider | None, clock: Clock) -> None:
        self._maker, self._spare, self._clock = maker, spare, clock
        self._hands: dict[int, WorkerSlot] = {}  # by id of their executor
        list(self)  # they are known from now on

    @property
    def fallback_active(self) -> bool:
        """Whether the spare does the work."""
        return self._spare is not None and self._maker.lost

    @property
    def unreachable(self) -> bool:
        """Whether none can be reached, and nobody stands in for them."""
        return self._spare is None and self._maker.lost

    def __iter__(self) -> Iterator[WorkerSlot]:
        """All of them, those that may work first."""
        makers = [self._maker, *([self._spare] if self._spare is not None else [])]
        return iter([self._hand(executor) for maker in makers for executor in maker.executors])

    def _hand(self, executor: Executor) -> WorkerSlot:
        if id(executor) not in self._hands:
            self._hands[id(executor)] = WorkerSlot(executor, self._clock)
        return self._hands[id(executor)]

    @property
    def active(self) -> list[WorkerSlot]:
        """Those whose turn it is to work, whether available or not."""
        maker = self._spare if self._spare is not None and self._maker.lost else self._maker
        return [self._hand(executor) for executor in maker.executors]

    @property
    def busy(self) -> list[WorkerSlot]:
        return [slot for slot in self if slot.assignment is not None]

    @property
    def free(self) -> list[WorkerSlot]:
        """Those that would begin a job at once."""
        return [slot for slot in self.active if slot.is_free]

    def has(self, job: Job) -> WorkerSlot | None:
        """The hand that a job is in."""
        return next((slot for slot in self if slot.assignment is not None and slot.assignment.job is job), None)

    def free_on(self, device: str) -> list[WorkerSlot]:
        """Those that may begin what asks for it. A device that was asked for by name is its own hand's; one that nobody
        has, anybody's."""
        active = self.active
        own = [slot for slot in active if slot.executor.device == device]
        return [slot for slot in own or active if slot.is_free]

    def best_for(self, job: Job) -> WorkerSlot | None:
        """The free hand with the most of it warm; None: none is free that may."""
        return max(self.free_on(job.device), key=lambda slot: slot.warmth(job), default=None)

    def for_estimate(self) -> WorkerSlot:
        """Who is asked how long something would take: one that is free and warm, if there is one."""
        return max(
            self.active, key=lambda slot: (slot.executor.holds_device, slot.executor.available, slot.assignment is None)
        )

    def call(self, jobs: int) -> None:
        """So many jobs wait for a hand: no more are called, since each may be a machine that is started for it."""
        for slot in [slot for slot in self.active if not slot.executor.available][:jobs]:
            slot.executor.call()


def _traits(job: Job) -> dict[str, Hashable]:
    """What a hand has warm after a job, by kind."""
    styles = tuple(style.picture.blob for style in job.styles)
    return {
        "layer": (job.client_id, job.layer),
        "styles": styles,
        "network": (job.weights, job.settings.quality == "draft"),
    }
