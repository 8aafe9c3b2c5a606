"""The simulation: painters ask, the daemon's own queue says whose turn it is, its own crew which hand is best, and a hand is busy for as
long as the model says. One daemon for all of them, whose own work costs nothing here."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pastiche.pixels import PictureRef, PixelFormat
from pastiche.protocol import StyleShare
from pastiche_daemon.clock import Clock
from pastiche_daemon.crew import Crew, Hand, Turn
from pastiche_daemon.jobs import QUEUED, Job, Queue
from tests.bench.studio.model import FIRST, SETTINGS, Times, step_seconds
from tests.bench.studio.painters import AHEAD, FRAMES, Painter, Task

TO_THE_DAEMON = 0.1e9  # bytes a second from a painter's machine: 1 Gbit/s, four fifths of it
TO_THE_HAND = 1.0e9  # from the daemon to where the GPU is: 10 Gbit/s, likewise
FOLDER = "'s folder"  # behind a painter's name: the client that sends its frames
RGBA, RGB = PixelFormat("RGBA", "u8"), PixelFormat("RGB", "u8")

Choose = Callable[[Crew, Job], Hand | None]


class SimulatedHand:
    """A GPU that is always there. See `executors.executor.Executor`; of it the crew reads only this."""

    device, available, holds_device = "auto", True, True

    def __init__(self) -> None:
        self.info: dict[str, Any] = {"state": "warm"}


class SimulatedMaker:
    lost = False

    def __init__(self, count: int) -> None:
        self.hands = [SimulatedHand() for _ in range(count)]


class SimulatedClock(Clock):
    """Stands where the simulation stands."""

    def __init__(self) -> None:
        self.at = 0.0
        super().__init__()

    def monotonic(self) -> float:
        return self.at

    def now(self) -> float:
        return self.at


class Source(Protocol):
    """Who asks for jobs."""

    def begin(self, studio: Studio) -> None:
        """Plan what comes first."""

    def ended(self, studio: Studio, asked: Asked) -> None:
        """A job of its own is done, and its result has come."""


@dataclass
class Asked:
    """A job on its way. came: when its pictures were there. begun: when a hand took it."""

    job: Job
    task: Task
    source: Source
    came: float
    begun: float = -1.0
    hand: Hand | None = None


@dataclass
class Counted:
    """waits: seconds from when the pictures were there to when a hand began, by kind of task. busy: seconds of hands, the replaced
    jobs' too. warm: of the jobs that go on from their layer's last picture, those that found its targets at the hand. spans: of each
    job whose it was, and when it began and ended."""

    waits: dict[str, list[float]] = field(default_factory=dict)
    busy: float = 0.0
    warm: Counter[bool] = field(default_factory=Counter)
    replaced: int = 0
    layer_bytes: int = 0  # from painters to the daemon, each layer once
    hand_bytes: int = 0  # of those to hands, each as often as one that lacks it begins
    spans: list[tuple[str, float, float]] = field(default_factory=list)
    result_bytes: int = 0  # from hands to the daemon, and to painters


class Studio:
    """One run. seconds_of: how long a hand is busy with a task: (task, its layer's targets are there, its network too)."""

    def __init__(self, gpus: int, sources: list[Source], seconds_of: Callable[[Task, bool, bool], float], choose: Choose) -> None:
        self.clock = SimulatedClock()
        self.queue = Queue()
        self.crew = Crew(SimulatedMaker(gpus), None, self.clock)  # type: ignore[arg-type]
        self.counted = Counted()
        self._seconds_of, self._choose = seconds_of, choose
        self._sources = sources
        self._asked: dict[tuple[str, str], Asked] = {}  # by client and job, until they are done or replaced
        self._in_hand: dict[int, Asked] = {}  # by id of the hand; one that was replaced too, until it has stopped
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = itertools.count(1)
        self._counts_from = 0.0
        self._until = float("inf")

    @property
    def now(self) -> float:
        return self.clock.at

    def plan(self, seconds: float, do: Callable[..., None], *about: Any) -> None:
        """Have it done so many seconds from now."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), do, about))

    def send(self, count: int, do: Callable[..., None], *about: Any) -> None:
        """Have it done when so many bytes have come to the daemon."""
        self.counted.layer_bytes += count if self._counts else 0
        self.plan(count / TO_THE_DAEMON, do, *about)

    def run(self, seconds: float, warm_up: float) -> Counted:
        """What is counted of so many seconds, after others in which caches, queues and painters found their way."""
        self._counts_from, self._until = warm_up, warm_up + seconds
        for source in self._sources:
            source.begin(self)
        while self._events and self._events[0][0] < self._until:
            self.clock.at, _, do, about = heapq.heappop(self._events)
            do(*about)
        self.clock.at = self._until
        for asked in self._in_hand.values():
            self._count_busy(asked)
        return self.counted

    # --- jobs ----------------------------------------------------------------------------------------------
    def ask(self, source: Source, client: str, task: Task) -> Asked:
        """A job is in the queue, its pictures are there."""
        number = str(next(self._numbers))
        picture = PictureRef(bytes(32), max(2, task.size[0]), max(2, task.size[1]), RGBA)
        style = StyleShare(PictureRef(task.style, 512, 512, RGB), 1.0)
        job = Job(number, client, client.encode(), task.layer, picture, [style], None, SETTINGS[task.quality], task.goes_on, "auto", "auto",
                  "studio", None, state=QUEUED)  # type: ignore[arg-type]  # fmt: skip
        asked = self._asked[client, number] = Asked(job, task, source, self.now)
        for old in self.queue.add(job):
            self._replaced(self._asked.pop((old.client_id, old.id)))
        self._turn()
        return asked

    def _replaced(self, asked: Asked) -> None:
        self.counted.replaced += self._counts
        if asked.hand is not None:  # it stops within one evaluation
            pixels = asked.task.size[0] * asked.task.size[1] / 1e6
            self.plan(step_seconds(asked.task.quality, pixels), self._free, asked.hand, asked)

    def _turn(self) -> None:
        """As `workshop` deals: the first job in order that a free hand may do, and the best hand for it."""
        while self.crew.free:
            for job in self.queue.in_order():
                if (hand := self._choose(self.crew, job)) is not None:
                    self._begin(self._asked[job.client_id, job.id], hand)
                    break
            else:
                return

    def _begin(self, asked: Asked, hand: Hand) -> None:
        layer, _, network, _ = hand.warmth(asked.job)
        self.queue.begin(asked.job)
        hand.begin(Turn(asked.job, asked.job.id, {}))
        asked.begun, asked.hand = self.now, hand
        self._in_hand[id(hand)] = asked
        if self._counts:
            self.counted.waits.setdefault(asked.task.kind, []).append(self.now - asked.came)
            self.counted.warm[layer] += asked.task.goes_on
            self.counted.hand_bytes += 0 if layer else asked.task.layer_bytes
        self.plan(self._seconds_of(asked.task, layer, network), self._done, asked)

    def _done(self, asked: Asked) -> None:
        if self._asked.get((asked.job.client_id, asked.job.id)) is not asked or asked.hand is None:
            return  # it was replaced meanwhile
        del self._asked[asked.job.client_id, asked.job.id]
        self.queue.remove(asked.job)
        self.counted.result_bytes += asked.task.result_bytes if self._counts else 0
        self._free(asked.hand, asked)
        asked.source.ended(self, asked)

    def _free(self, hand: Hand, asked: Asked) -> None:
        if self._in_hand.get(id(hand)) is asked:
            del self._in_hand[id(hand)]
            self._count_busy(asked)
            self.counted.spans.append((asked.job.client_id, asked.begun, self.now))
            hand.turn = None
            self._turn()

    def _count_busy(self, asked: Asked) -> None:
        self.counted.busy += max(0.0, min(self.now, self._until) - max(asked.begun, self._counts_from))

    @property
    def _counts(self) -> bool:
        return self.now >= self._counts_from


class AtTheEasel:
    """A painter in the studio: see `painters`."""

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._layer_there = ""  # the last layer that was sent
        self._waits_for: Asked | None = None
        self._folders = 0

    def begin(self, studio: Studio) -> None:
        studio.plan(self._painter.seconds_before_the_first(), self._begin_burst, studio)
        studio.plan(self._painter.seconds_to_a_folder(), self._begin_folder, studio)

    def _begin_burst(self, studio: Studio) -> None:
        self._send(studio, self._painter.begin_burst())

    def _send(self, studio: Studio, task: Task) -> None:
        """A layer that the daemon has not seen goes there first."""
        if task.layer == self._layer_there:
            self._ask(studio, task)
            return
        self._layer_there = task.layer
        studio.send(task.layer_bytes, self._ask, studio, task)

    def _ask(self, studio: Studio, task: Task) -> None:
        self._waits_for = asked = studio.ask(self, self._painter.name, task)
        patience = self._painter.seconds_of_patience() if task.kind == "try" else None
        if patience is not None:
            studio.plan(patience, self._move_again, studio, asked)

    def _move_again(self, studio: Studio, asked: Asked) -> None:
        if self._waits_for is asked:
            self._ask(studio, self._painter.moved_again())

    def ended(self, studio: Studio, asked: Asked) -> None:
        if asked.task.kind == "frame":
            self._next_frame(studio)
            return
        self._waits_for = None
        comes_in = asked.task.result_bytes / TO_THE_DAEMON
        if asked.task.kind == "try":
            self._painter.has_seen_a_result()
            studio.plan(comes_in + self._painter.seconds_looking(), self._go_on, studio)
        else:
            studio.plan(comes_in + self._painter.seconds_painting(), self._begin_burst, studio)

    def _go_on(self, studio: Studio) -> None:
        task = self._painter.next_try() or self._painter.last_of_burst()
        if task is not None:
            self._send(studio, task)
        else:
            studio.plan(self._painter.seconds_painting(), self._begin_burst, studio)

    # --- a folder of frames, by a client of its own --------------------------------------------------------
    def _begin_folder(self, studio: Studio) -> None:
        self._folders += 1
        self._frames_asked, self._frames_done = 0, 0
        for _ in range(AHEAD):
            self._ask_frame(studio)

    def _ask_frame(self, studio: Studio) -> None:
        self._frames_asked += 1
        task = self._painter.frame(self._folders, self._frames_asked)
        studio.send(task.layer_bytes, studio.ask, self, self._painter.name + FOLDER, task)

    def _next_frame(self, studio: Studio) -> None:
        self._frames_done += 1
        if self._frames_asked < FRAMES:
            self._ask_frame(studio)
        elif self._frames_done == FRAMES:
            studio.plan(self._painter.seconds_to_a_folder(), self._begin_folder, studio)


def best_hand(crew: Crew, job: Job) -> Hand | None:
    """The crew's own choice: where most of what it needs is warm."""
    return crew.best_for(job)


def any_hand(crew: Crew, job: Job) -> Hand | None:
    """The one that has been free for the longest: to see what the choice is worth."""
    return min(crew.free_on(job.device), key=lambda hand: hand.moved_at, default=None)


def one_job_a_painter(crew: Crew, job: Job) -> Hand | None:
    """As where painters' own daemons hand their jobs on (`--upstream`), each the next when the last is done: a folder and a try of one
    painter never run at once."""
    mine = _painter_of(job)
    if any(hand.turn is not None and _painter_of(hand.turn.job) == mine for hand in crew.busy):
        return None
    return crew.best_for(job)


def _painter_of(job: Job) -> str:
    return job.client_id.removesuffix(FOLDER)


def by_model(times: Times) -> Callable[[Task, bool, bool], float]:
    """How long a hand is busy with a task: its pixels there and back, its first job of a network, the work itself."""

    def seconds(task: Task, layer_is_warm: bool, network_is_warm: bool) -> float:
        moved = task.result_bytes + (0 if layer_is_warm else task.layer_bytes)
        work = times.work(task.quality, *task.size, goes_on=task.goes_on, is_warm=layer_is_warm)
        return moved / TO_THE_HAND + (0.0 if network_is_warm else FIRST) + work

    return seconds


def studio_of(painters: int, gpus: int, seed: int, times: Times, choose: Choose = best_hand) -> Studio:
    return Studio(gpus, [AtTheEasel(Painter(number, seed)) for number in range(painters)], by_model(times), choose)
