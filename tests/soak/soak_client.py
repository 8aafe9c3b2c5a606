"""A client of the soak test: a real Client that randomly submits, cancels and replaces jobs, disconnects with or
without notice, and reconnects. Its windows with the history and the results are open and ask for both again and
again; some clients stop reading for some seconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.soak.job_log import JobLog
from tests.soak.tasks import any_task
from tests.soak.turns import Turns
from velatura.client import transport
from velatura.client.client import Client
from velatura.client.events import Connected, Event, Finished, HistoryEntries, SavedItems
from velatura.client.saved_results import SavedItem
from velatura.client.transport_plain import PlainDealer
from velatura.client.transport_pyzmq import PyzmqDealer
from velatura.protocol import messages as p

VANISH_SECONDS, LEAVE_SECONDS = 60.0, 90.0  # seconds, on average
VANISH_DURING_RESULT = 0.02  # probability per check while a result is being received; the daemon must keep it
AWAY_SECONDS = (0.5, 12.0)  # seconds; the daemon parks the jobs of silent clients after 4 s
FORGET_SECONDS = 15.0  # after this many seconds, the daemon has nothing left of a client that vanished
REFRESH_SECONDS = 3.0  # on average, between requests of its windows
DEAF_EVERY, DEAF_SECONDS, DEAF_REQUESTS = 30.0, (0.5, 6.0), 100  # on average; the daemon parks its jobs after 4 s
CANCEL_SHARE, REPLACE_SHARE = 0.08, 0.08  # shares of the jobs


class SoakClient:
    """depth: number of jobs that it has at a time; some clients are greedy."""

    def __init__(self, number: int, make: Callable[[str], Client], job_log: JobLog, turns: Turns) -> None:
        self.number = number
        self._make = make
        self._job_log, self._turns = job_log, turns
        self._source = random.Random(number)
        self._dealer = (PyzmqDealer, PlainDealer)[number % 2]
        self.depth = (1, 1, 2, 6)[number % 4]
        self._falls_deaf = number % 8 == 1  # of those with the plain transport: libzmq reads in a thread of its own
        self._deaf_until = 0.0
        self._layers: dict[str, str] = {}  # by job
        self._client: Client | None = None
        self._back_at = 0.0
        self._awaiting_saved = False
        self._cancel_at: dict[str, str] = {}  # for jobs that it will cancel: the event at which it does

    @property
    def files(self) -> list[int]:
        number = self._client.fileno() if self._client else None
        return [] if number is None else [number]

    def step(self, now: float, seconds: float, submitting: bool) -> None:
        """Handle all events, then act randomly. seconds: since the last step."""
        if self._client is None:
            if now < self._back_at:
                return
            self._client = self._make(f"soak-{self.number}")
        if now < self._deaf_until and submitting:
            return
        transport.open_dealer = self._dealer
        for event in self._client.drain(0.1):
            self._handle(event, now)
        if not submitting or self._client is None:  # its session was lost
            return
        while len(self._layers) < self.depth:
            self._submit()
        if self._client.ready and self._source.random() < seconds / REFRESH_SECONDS:
            self._refresh(1)
        if self._falls_deaf and self._client.ready and self._source.random() < seconds / DEAF_EVERY:
            self._refresh(DEAF_REQUESTS)
            self._deaf_until = now + self._source.uniform(*DEAF_SECONDS)
            self._turns.left(self.number, self._deaf_until + FORGET_SECONDS)
            self._job_log.actions["stopped reading"] += 1
        midway = self._client._blobs.is_downloading and self._source.random() < VANISH_DURING_RESULT
        if midway or self._source.random() < seconds / VANISH_SECONDS:
            self.vanish(now)
        elif self._source.random() < seconds / LEAVE_SECONDS:
            self.leave(now)

    def _refresh(self, times: int) -> None:
        """What its windows show."""
        assert self._client is not None
        for _ in range(times):
            self._client.request_history()
            self._client.request_saved()
            self._client.request_status()
        self._job_log.actions["requested the history, results and status"] += times

    def _submit(self) -> None:
        assert self._client is not None
        task, replace = any_task(self._source), self._source.random() < REPLACE_SHARE
        layer = self._source.choice([*self._layers.values()]) if replace and self._layers else ""
        job = self._client.restyle(task.content, [(task.style, 1.0)], task.settings, mask=task.mask, layer=layer)
        self._job_log.submitted(self.number, job, task)
        self._layers[job] = layer or job
        if self._source.random() < CANCEL_SHARE:
            self._cancel_at[job] = self._source.choice(("Accepted", "Queued", "Progress"))
        self._job_log.actions["replaced a job"] += bool(layer)

    def _handle(self, event: Event, now: float) -> None:
        job = getattr(event, "job", "")
        if isinstance(event, Connected):
            assert self._client is not None
            self._client.request_saved()
            self._awaiting_saved = True
        elif isinstance(event, SavedItems):
            if self._awaiting_saved:  # otherwise its window only shows them
                self._handle_saved(event.items)
        elif isinstance(event, (HistoryEntries, p.Status)):
            self._job_log.actions["received the history or a status"] += 1
        elif isinstance(event, p.Accepted):
            self._turns.queued(self.number, job, now)
        elif isinstance(event, p.Queued) and event.place == 0:
            self._turns.started_at(self.number, job, now)
        elif isinstance(event, (Finished, p.Cancelled)) or (isinstance(event, p.Failed) and job):
            self._job_log.end(self.number, event)
            self._layers.pop(job, None)
            self._turns.gone(self.number, job)
        elif isinstance(event, p.Failed):
            self._job_log.violations.append(f"client {self.number}: {event.code}: {event.sentence}")
            print(self._job_log.violations[-1], flush=True)
            self._abandon(now)
        if self._client is not None and self._cancel_at.get(job) == type(event).__name__:
            del self._cancel_at[job]
            self._client.cancel(job)
            self._job_log.actions["cancelled a job"] += 1

    def _handle_saved(self, items: Sequence[SavedItem]) -> None:
        """Fetch saved results. Of interrupted restyles, resume half and drop half."""
        assert self._client is not None
        self._awaiting_saved = False
        for item in items:
            if item.job not in self._job_log.jobs or self._job_log.jobs[item.job].client != self.number:
                self._job_log.violations.append(f"client {self.number} was offered job {item.job} of another client")
            if item.finished:
                self._client.fetch(item)
                self._job_log.actions["fetched a saved result"] += 1
            elif self._source.random() < 0.5:
                self._client.resume(item)
                self._layers[item.job] = item.layer
                self._job_log.actions["resumed an interrupted restyle"] += 1
            else:
                self._client.drop(item)
                self._job_log.actions["dropped an interrupted restyle"] += 1

    def vanish(self, now: float) -> None:
        """Drop the connection without notice, as when the program is killed."""
        assert self._client is not None
        self._client._connection.disconnect()
        self._job_log.actions["vanished"] += 1
        self._abandon(now)

    def leave(self, now: float) -> None:
        assert self._client is not None
        self._client.close()
        self._job_log.actions["disconnected"] += 1
        self._abandon(now)

    def _abandon(self, now: float) -> None:
        for job in self._layers:
            self._job_log.jobs[job].abandoned = True
        self._layers.clear()
        self._cancel_at.clear()
        self._turns.left(self.number, now + FORGET_SECONDS)
        self._client, self._back_at = None, now + self._source.uniform(*AWAY_SECONDS)

    @property
    def is_done(self) -> bool:
        """Whether it is connected and waits for nothing."""
        return (
            self._client is not None
            and self._client.ready
            and not self._awaiting_saved
            and not self._client._blobs.jobs
        )

    def reconnect(self) -> None:
        """Connect again, for results that may be saved."""
        if self._client is not None:
            self._client.close()
        self._client, self._back_at = None, 0.0

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
