"""Who works, and who is best for a job. Plain data over executors; what a hand is told, the foreman says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

from velatura_daemon.clock import Clock
from velatura_daemon.executors.base import Executor, Maker
from velatura_daemon.jobs.job import Job

# times longer than for a sign of life is waited for one that the work goes on: an evaluation may take minutes
SLOW = 10
STARTING = 60.0  # seconds at least for a worker's first sign: importing torch takes its time on a busy machine
REMEMBERED = 32  # things that a hand is thought to have warm, of each kind


@dataclass
class Turn:
    """A job at a hand. ticket: what the two call it; job ids are the clients', and a job can have several turns. paths:
    where its files go. stopping: it was told to stop, and has not yet. hung: it has given no sign of life. expected:
    seconds that it is thought to take."""

    job: Job
    ticket: str
    paths: dict[str, Path]
    stopping: bool = False
    hung: bool = False
    expected: float = 0.0


class Hand:
    """An executor, what it has in hand, and what it is thought to have warm."""

    def __init__(self, executor: Executor, clock: Clock) -> None:
        self.executor = executor
        self.turn: Turn | None = None
        self._clock = clock
        self._warm: dict[str, OrderedDict[Hashable, None]] = {
            kind: OrderedDict() for kind in ("layer", "styles", "network")
        }
        self.heard_at = self.moved_at = clock.now()  # when it last said anything; when its work last went on

    @property
    def is_free(self) -> bool:
        """Whether it would begin a job at once."""
        return self.turn is None and self.executor.available

    def begin(self, turn: Turn) -> None:
        """Take a job in hand. What it does is warm from now on."""
        self.turn = turn
        self.heard_at = self.moved_at = self._clock.now()
        for kind, what in _traits(turn.job).items():
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
        if self.turn is None:
            return self.heard_at + patience
        return min(self.heard_at + patience, self.moved_at + max(SLOW * patience, 3 * self.turn.expected))


class Crew:
    """The hands of a maker; those of another, the spare, while the first is lost."""

    def __init__(self, maker: Maker, spare: Maker | None, clock: Clock) -> None:
        self._maker, self._spare, self._clock = maker, spare, clock
        self._hands: dict[int, Hand] = {}  # by id of their executor
        list(self)  # they are known from now on

    @property
    def at_home_for_now(self) -> bool:
        """Whether the spare does the work."""
        return self._spare is not None and self._maker.lost

    @property
    def nobody_there(self) -> bool:
        """Whether none can be reached, and nobody stands in for them."""
        return self._spare is None and self._maker.lost

    def __iter__(self) -> Iterator[Hand]:
        """All of them, those that may work first."""
        makers = [self._maker, *([self._spare] if self._spare is not None else [])]
        return iter([self._hand(executor) for maker in makers for executor in maker.hands])

    def _hand(self, executor: Executor) -> Hand:
        if id(executor) not in self._hands:
            self._hands[id(executor)] = Hand(executor, self._clock)
        return self._hands[id(executor)]

    @property
    def on_duty(self) -> list[Hand]:
        """Those whose turn it is to work, whether available or not."""
        maker = self._spare if self._spare is not None and self._maker.lost else self._maker
        return [self._hand(executor) for executor in maker.hands]

    @property
    def busy(self) -> list[Hand]:
        return [hand for hand in self if hand.turn is not None]

    @property
    def free(self) -> list[Hand]:
        """Those that would begin a job at once."""
        return [hand for hand in self.on_duty if hand.is_free]

    def has(self, job: Job) -> Hand | None:
        """The hand that a job is in."""
        return next((hand for hand in self if hand.turn is not None and hand.turn.job is job), None)

    def free_on(self, device: str) -> list[Hand]:
        """Those that may begin what asks for it. A device that was asked for by name is its own hand's; one that nobody
        has, anybody's."""
        on_duty = self.on_duty
        own = [hand for hand in on_duty if hand.executor.device == device]
        return [hand for hand in own or on_duty if hand.is_free]

    def best_for(self, job: Job) -> Hand | None:
        """The free hand with the most of it warm; None: none is free that may."""
        return max(self.free_on(job.device), key=lambda hand: hand.warmth(job), default=None)

    def for_questions(self) -> Hand:
        """Who is asked how long something would take: one that is free and warm, if there is one."""
        return max(
            self.on_duty, key=lambda hand: (hand.executor.holds_device, hand.executor.available, hand.turn is None)
        )

    def call(self, jobs: int) -> None:
        """So many jobs wait for a hand: no more are called, since each may be a machine that is started for it."""
        for hand in [hand for hand in self.on_duty if not hand.executor.available][:jobs]:
            hand.executor.call()


def _traits(job: Job) -> dict[str, Hashable]:
    """What a hand has warm after a job, by kind."""
    styles = tuple(style.picture.blob for style in job.styles)
    return {
        "layer": (job.client_id, job.layer),
        "styles": styles,
        "network": (job.weights, job.settings.quality == "draft"),
    }
