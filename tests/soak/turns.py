"""Fairness: how long each client waits, counted in turns given to clients.

A client's wait starts when a job of its is queued while none was, or when one of its jobs starts and another is queued;
it ends when a job of its starts. Its rivals are all clients, including itself, that had a queued job at some time
during the wait. With strict turns, each rival would get at most one turn. The ratio of a wait is the number of turns
given during it, including the client's own, over the number of its rivals: 1 is a fair share, more than 2 is unfair.

The order is that in which clients receive the daemon's messages, so it may be off by a few turns. Waits with few rivals
would show only that, and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MIN_RIVALS = 8
MAX_FAIR_RATIO = 2.0


@dataclass
class Wait:
    started_at: int  # number of turns given before
    rivals: set[int]
    counts: bool


@dataclass
class Turns:
    given: int = 0
    ratios: list[tuple[float, float]] = field(default_factory=list)  # (time, ratio)
    _queued: dict[int, set[str]] = field(default_factory=dict)
    _waits: dict[int, Wait] = field(default_factory=dict)
    _uncounted_until: dict[int, float] = field(default_factory=dict)

    def queued(self, client: int, job: str, now: float) -> None:
        self._queued.setdefault(client, set()).add(job)
        if client not in self._waits:
            self._begin(client, now)

    def started_at(self, client: int, job: str, now: float) -> None:
        self.given += 1
        wait = self._waits.pop(client, None)
        if wait is not None and wait.counts and len(wait.rivals) >= MIN_RIVALS:
            self.ratios.append((now, (self.given - wait.started_at) / len(wait.rivals)))
        self._off(client, job)
        if self._queued.get(client):
            self._begin(client, now)

    def gone(self, client: int, job: str) -> None:
        """A job ended, before or after its turn."""
        self._off(client, job)
        if not self._queued.get(client):
            self._waits.pop(client, None)

    def left(self, client: int, deadline: float) -> None:
        """A client disconnected. deadline: when the daemon has handled what it left behind."""
        self._queued.pop(client, None)
        self._waits.pop(client, None)
        self._uncounted_until[client] = deadline

    def _begin(self, client: int, now: float) -> None:
        for wait in self._waits.values():
            wait.rivals.add(client)
        counts = now >= self._uncounted_until.get(client, 0.0)
        self._waits[client] = Wait(self.given, {client, *self._waits}, counts)

    def _off(self, client: int, job: str) -> None:
        self._queued.get(client, set()).discard(job)

    @property
    def worst(self) -> float:
        return max((ratio for _, ratio in self.ratios), default=0.0)

    def percentile(self, share: float) -> float:
        ratios = sorted(ratio for _, ratio in self.ratios)
        return ratios[min(len(ratios) - 1, int(len(ratios) * share))] if ratios else 0.0
