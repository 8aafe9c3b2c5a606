"""Whose turn it is: how long each client waits, counted in turns that others get meanwhile.

A client's wait begins when a job of its is queued while none was, or when one of its jobs begins and another is queued;
it ends when a job of its begins. Its rivals are all the clients, itself among them, that had a job queued at some
moment of the wait. Were turns taken strictly, each rival had one turn at most in it. A wait's ratio is the turns that
were given in it, the client's own among them, over the number of its rivals: 1 is its share, and over 2 is not fair.

What is seen are the daemon's messages as clients take them, so the order may be off by a few turns; waits among few
rivals would show that and nothing else, and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FEWEST_RIVALS = 8
FAIR = 2.0


@dataclass
class Wait:
    began: int  # the turns given until then
    rivals: set[int]
    counts: bool


@dataclass
class Turns:
    given: int = 0
    ratios: list[tuple[float, float]] = field(default_factory=list)  # when, ratio
    _queued: dict[int, set[str]] = field(default_factory=dict)
    _waits: dict[int, Wait] = field(default_factory=dict)
    _uncounted_until: dict[int, float] = field(default_factory=dict)

    def queued(self, client: int, job: str, now: float) -> None:
        self._queued.setdefault(client, set()).add(job)
        if client not in self._waits:
            self._begin(client, now)

    def began(self, client: int, job: str, now: float) -> None:
        self.given += 1
        wait = self._waits.pop(client, None)
        if wait is not None and wait.counts and len(wait.rivals) >= FEWEST_RIVALS:
            self.ratios.append((now, (self.given - wait.began) / len(wait.rivals)))
        self._off(client, job)
        if self._queued.get(client):
            self._begin(client, now)

    def gone(self, client: int, job: str) -> None:
        """It ended before its turn came, or after: either is fine."""
        self._off(client, job)
        if not self._queued.get(client):
            self._waits.pop(client, None)

    def left(self, client: int, until: float) -> None:
        """until: by then the daemon has done with what it left behind."""
        self._queued.pop(client, None)
        self._waits.pop(client, None)
        self._uncounted_until[client] = until

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
