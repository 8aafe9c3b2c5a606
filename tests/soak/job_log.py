"""The outcome of each job: exactly one end, and the right pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.soak.tasks import Task
from velatura.client.events import Finished
from velatura.protocol import messages as p

RESULT, CANCELLED, REPLACED, FAILED = "result", "cancelled", "replaced", "failed"


@dataclass
class Entry:
    """ended: how the job ended, or ''. abandoned: its client disconnected before the end. recovered: its result was
    fetched after that."""

    client: int
    task: Task
    ended: str = ""
    abandoned: bool = False
    recovered: bool = False


@dataclass
class JobLog:
    """All jobs of a soak test, and violations of what must hold."""

    jobs: dict[str, Entry] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)  # sentences, one for each broken promise
    done: set[str] = field(default_factory=set)  # jobs that the daemon has logged as finished
    failures: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)

    def submitted(self, client: int, job: str, task: Task) -> None:
        self.jobs[job] = Entry(client, task)

    def end(self, client: int, event: Finished | p.Cancelled | p.Failed) -> None:
        entry = self.jobs.get(event.job)
        if entry is None or entry.client != client:
            self.violations.append(f"client {client} received an event for job {event.job} of another client")
            return
        how = FAILED
        if isinstance(event, Finished):
            how = RESULT
            if problem := entry.task.problem(event):
                self.violations.append(f"job {event.job} ({entry.task.kind}): {problem}")
        elif isinstance(event, p.Cancelled):
            how = REPLACED if event.replaced_by else CANCELLED
        else:
            self.failures[event.code] += 1
        if entry.ended and not (entry.ended == how == RESULT and entry.abandoned):
            # If a client disconnected before it confirmed a result, the daemon delivers it again.
            self.violations.append(f"job {event.job} ended twice: {entry.ended}, {how}")
        entry.ended = how
        entry.recovered = entry.abandoned and how == RESULT

    @property
    def pending(self) -> list[str]:
        """Jobs without an end whose clients are connected."""
        return [job for job, entry in self.jobs.items() if not entry.ended and not entry.abandoned]

    @property
    def lost(self) -> list[str]:
        """Jobs that the daemon finished and whose result no client received."""
        return [job for job in self.done if job in self.jobs and self.jobs[job].ended != RESULT]

    def counts(self) -> dict[str, int]:
        ends = Counter(entry.ended or ("abandoned" if entry.abandoned else "none") for entry in self.jobs.values())
        return {
            "asked": len(self.jobs),
            **dict(sorted(ends.items())),
            "recovered": sum(e.recovered for e in self.jobs.values()),
        }

    def kinds(self) -> dict[str, int]:
        return dict(Counter(entry.task.kind for entry in self.jobs.values() if entry.ended == RESULT))
