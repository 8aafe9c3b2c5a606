"""Questions of clients how long a restyle would take, passed to a worker and answered."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from velatura.errors import TooBusy
from velatura.i18n import lazy_text
from velatura.protocol import messages as p
from velatura_daemon.jobs.events import Estimated
from velatura_daemon.jobs.spec import EstimateRequest
from velatura_daemon.scheduling.worker_pool import WorkerPool, WorkerSlot

MAX_QUESTIONS = 32  # more might fill the pipe of a hanging worker, and block the daemon
NOBODY = b""  # no session


class EstimateBroker:
    """Questions by our own tickets, since clients choose theirs freely."""

    def __init__(self, pool: WorkerPool, notify: Callable[[bytes, p.Message], None]) -> None:
        """notify(session, message)."""
        self._pool, self._notify = pool, notify
        self._tickets = itertools.count(1)
        self.questions: dict[str, tuple[bytes, str, WorkerSlot]] = {}  # session, the client's ticket, worker

    def ask(self, session: bytes, ticket: str, request: EstimateRequest) -> None:
        """request: without a ticket. Raises TooBusy; OSError if no worker can be started."""
        if len(self.questions) >= MAX_QUESTIONS:
            raise TooBusy(
                lazy_text(
                    "{count} estimates are already pending. Ask again when some are answered.", count=MAX_QUESTIONS
                )
            )
        ours, slot = f"estimate {next(self._tickets)}", self._pool.for_estimate()
        slot.executor.estimate(replace(request, ticket=ours))
        self.questions[ours] = (session, ticket, slot)

    def answer(self, event: Estimated) -> bool:
        """False: it is not the answer to a question, but a job's own estimate."""
        if event.ticket not in self.questions:
            return False
        session, ticket, _ = self.questions.pop(event.ticket)
        self._notify(session, estimate_message(event, ticket))
        return True

    def forget(self, session: bytes) -> None:
        """It has gone. Its questions count as long as they are in a worker's pipe."""
        for ours, (asker, ticket, slot) in self.questions.items():
            if asker == session:
                self.questions[ours] = (NOBODY, ticket, slot)

    def fail(self, slot: WorkerSlot, sentence: str) -> None:
        """A worker will not answer. sentence: why."""
        for ours, (session, ticket, asked) in list(self.questions.items()):
            if asked is slot:
                del self.questions[ours]
                self._notify(session, estimate_message(Estimated.unknown(ours, sentence), ticket))


def estimate_message(event: Estimated, ticket: str) -> p.Estimate:
    return p.Estimate(ticket, event.seconds, event.memory, event.tile, event.device, event.sentence)
