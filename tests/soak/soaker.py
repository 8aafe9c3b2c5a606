"""One client of the soak: a real Client with moods. It asks, cancels, replaces, leaves with a word or without, and
comes back."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.soak.ledger import Manifest
from tests.soak.tasks import any_task
from tests.soak.turns import Turns
from velatura.client import transport
from velatura.client.client import Client
from velatura.client.events import Connected, Event, Finished, SavedItems
from velatura.client.saved_results import SavedItem
from velatura.client.transport_plain import PlainDealer
from velatura.client.transport_pyzmq import PyzmqDealer
from velatura.protocol import messages as p

VANISHES_EVERY, LEAVES_EVERY = 60.0, 90.0  # seconds, on the average
VANISHES_MIDWAY = 0.02  # of the looks at which a result is on its way: it has to wait at the daemon
AWAY = (0.5, 12.0)  # seconds; the daemon parks after 4 and forgets after 10
DELETED = 15.0  # seconds after which nothing is left at the daemon of who went without a word
CANCELS, REPLACES = 0.08, 0.08  # of its jobs


class Soaker:
    """depth: how many jobs it has in hand at a time; some clients are greedy."""

    def __init__(self, number: int, make: Callable[[str], Client], ledger: Manifest, turns: Turns) -> None:
        self.number = number
        self._make = make
        self._ledger, self._turns = ledger, turns
        self._source = random.Random(number)
        self._dealer = (PyzmqDealer, PlainDealer)[number % 2]
        self.depth = (1, 1, 2, 6)[number % 4]
        self._layers: dict[str, str] = {}  # of its jobs in hand
        self._client: Client | None = None
        self._back_at = 0.0
        self._looks_for_kept = False
        self._cancel_at: dict[str, str] = {}  # jobs that it will not wait for, and at which event it says so

    @property
    def files(self) -> list[int]:
        number = self._client.fileno() if self._client else None
        return [] if number is None else [number]

    def step(self, now: float, seconds: float, asking: bool) -> None:
        """A look at what has come; then what it feels like. seconds: since the last look."""
        if self._client is None:
            if now < self._back_at:
                return
            self._client = self._make(f"soak-{self.number}")
        transport.open_dealer = self._dealer
        for event in self._client.drain(0.1):
            self._take(event, now)
        if not asking:
            return
        while len(self._layers) < self.depth:
            self._ask()
        midway = self._client._blobs.is_downloading and self._source.random() < VANISHES_MIDWAY
        if midway or self._source.random() < seconds / VANISHES_EVERY:
            self.vanish(now)
        elif self._source.random() < seconds / LEAVES_EVERY:
            self.leave(now)

    def _ask(self) -> None:
        assert self._client is not None
        task, replace = any_task(self._source), self._source.random() < REPLACES
        layer = self._source.choice([*self._layers.values()]) if replace and self._layers else ""
        job = self._client.restyle(task.content, [(task.style, 1.0)], task.settings, mask=task.mask, layer=layer)
        self._ledger.asked(self.number, job, task)
        self._layers[job] = layer or job
        if self._source.random() < CANCELS:
            self._cancel_at[job] = self._source.choice(("Accepted", "Queued", "Progress"))
        self._ledger.acts["replaced a job"] += bool(layer)

    def _take(self, event: Event, now: float) -> None:
        job = getattr(event, "job", "")
        if isinstance(event, Connected):
            assert self._client is not None
            self._client.request_saved()
            self._looks_for_kept = True
        elif isinstance(event, SavedItems):
            self._take_up(event.items)
        elif isinstance(event, p.Accepted):
            self._turns.queued(self.number, job, now)
        elif isinstance(event, p.Queued) and event.place == 0:
            self._turns.began(self.number, job, now)
        elif isinstance(event, (Finished, p.Cancelled)) or (isinstance(event, p.Failed) and job):
            self._ledger.end(self.number, event)
            self._layers.pop(job, None)
            self._turns.gone(self.number, job)
        elif isinstance(event, p.Failed):
            self._ledger.wrong.append(f"client {self.number}: {event.code}: {event.sentence}")
            self._adrift(now)
        if self._client is not None and self._cancel_at.get(job) == type(event).__name__:
            del self._cancel_at[job]
            self._client.cancel(job)
            self._ledger.acts["cancelled a job"] += 1

    def _take_up(self, items: Sequence[SavedItem]) -> None:
        """What waited for this client: results are fetched; of what was stopped midway, half is gone on with, half
        dropped."""
        assert self._client is not None
        self._looks_for_kept = False
        for item in items:
            if item.job not in self._ledger.jobs or self._ledger.jobs[item.job].client != self.number:
                self._ledger.wrong.append(f"client {self.number} was offered job {item.job}, which is not its own")
            if item.finished:
                self._client.fetch(item)
                self._ledger.acts["came back to a result"] += 1
            elif self._source.random() < 0.5:
                self._client.resume(item)
                self._layers[item.job] = item.layer
                self._ledger.acts["went on with a restyle stopped midway"] += 1
            else:
                self._client.drop(item)
                self._ledger.acts["dropped a restyle stopped midway"] += 1

    def vanish(self, now: float) -> None:
        """As when its program is killed: not a word."""
        assert self._client is not None
        self._client._connection.disconnect()
        self._ledger.acts["vanished"] += 1
        self._adrift(now)

    def leave(self, now: float) -> None:
        assert self._client is not None
        self._client.close()
        self._ledger.acts["said goodbye"] += 1
        self._adrift(now)

    def _adrift(self, now: float) -> None:
        for job in self._layers:
            self._ledger.jobs[job].adrift = True
        self._layers.clear()
        self._cancel_at.clear()
        self._turns.left(self.number, now + DELETED)
        self._client, self._back_at = None, now + self._source.uniform(*AWAY)

    @property
    def settled(self) -> bool:
        """It is there, and has nothing to wait for."""
        return self._client is not None and self._client.ready and not self._looks_for_kept and not self._client._jobs

    def come_back(self) -> None:
        """Over a connection of its own, for what may be waiting."""
        if self._client is not None:
            self._client.close()
        self._client, self._back_at = None, 0.0

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
