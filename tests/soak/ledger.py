"""What became of each job: exactly one end, and the right pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.soak.tasks import Task
from velatura.client.events import Finished
from velatura.protocol import messages as p

RESULT, CANCELLED, REPLACED, FAILED = "result", "cancelled", "replaced", "failed"


@dataclass
class Entry:
    """ended: how, or empty. adrift: its client went away without it. recovered: its result was fetched after that."""

    client: int
    task: Task
    ended: str = ""
    adrift: bool = False
    recovered: bool = False


@dataclass
class Manifest:
    jobs: dict[str, Entry] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)  # sentences: each is a broken promise
    done: set[str] = field(default_factory=set)  # the daemon says that it finished these
    failures: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)

    def asked(self, client: int, job: str, task: Task) -> None:
        self.jobs[job] = Entry(client, task)

    def end(self, client: int, event: Finished | p.Cancelled | p.Failed) -> None:
        entry = self.jobs.get(event.job)
        if entry is None or entry.client != client:
            self.wrong.append(f"client {client} heard of job {event.job}, which is not its own")
            return
        how = FAILED
        if isinstance(event, Finished):
            how = RESULT
            if problem := entry.task.wrong(event):
                self.wrong.append(f"job {event.job} ({entry.task.kind}): {problem}")
        elif isinstance(event, p.Cancelled):
            how = REPLACED if event.replaced_by else CANCELLED
        else:
            self.failures[event.code] += 1
        if entry.ended and not (entry.ended == how == RESULT and entry.adrift):
            # That the daemon had not heard `received` of a client that went away is no second end.
            self.wrong.append(f"job {event.job} ended twice: {entry.ended}, {how}")
        entry.ended = how
        entry.recovered = entry.adrift and how == RESULT

    @property
    def pending(self) -> list[str]:
        """Without an end, and their client is there to wait for it."""
        return [job for job, entry in self.jobs.items() if not entry.ended and not entry.adrift]

    @property
    def lost(self) -> list[str]:
        """The daemon finished them, and nobody ever got them."""
        return [job for job in self.done if job in self.jobs and self.jobs[job].ended != RESULT]

    def counts(self) -> dict[str, int]:
        ends = Counter(
            entry.ended or ("gone with its client" if entry.adrift else "none") for entry in self.jobs.values()
        )
        return {
            "asked": len(self.jobs),
            **dict(sorted(ends.items())),
            "recovered": sum(e.recovered for e in self.jobs.values()),
        }

    def kinds(self) -> dict[str, int]:
        return dict(Counter(entry.task.kind for entry in self.jobs.values() if entry.ended == RESULT))
