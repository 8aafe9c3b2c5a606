"""What the scheduler needs of whoever does the work.

Providers of executors: `local`, worker processes of this machine; `remote`, another daemon; `ray`, actors of a Ray
cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from velatura_daemon.jobs.events import WorkerEvent, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec


class Executor(Protocol):
    """Runs one job at a time. Events are fetched with `poll`; the executor wakes the server whenever there are some.

    A job's events carry the ticket of its spec and end with JobStopped, JobFailed, JobDone or WorkerGone.
    """

    info: WorkerInfo

    @property
    def device(self) -> str:
        """The name of the device it works on, as jobs ask for it; 'auto' if it can be any."""

    @property
    def available(self) -> bool:
        """Whether a job given now would start at once, or whether giving it one is the way to find out."""

    @property
    def holds_device(self) -> bool:
        """Whether `release_device` would free anything."""

    @property
    def pid(self) -> int:
        """The process on this machine that works for it; 0: there is none."""

    def poll(self) -> WorkerEvent | None:
        """The next event, or None."""

    def request_start(self) -> None:
        """More jobs wait than executors are available: become available, then report Available. Does not block."""

    def run(self, spec: JobSpec) -> None:
        """Start a job. Raises OSError if that is impossible."""

    def estimate(self, request: EstimateRequest) -> None:
        """Ask how long something would take; answered with Estimated. Raises OSError."""

    def cancel(self, ticket: str) -> None:
        """Stop a job soon; it ends with JobStopped."""

    def pause(self, ticket: str) -> None:
        """The same, but whoever does the work keeps its progress."""

    def acknowledge(self, ticket: str) -> None:
        """The result is stored here: whoever made it may delete theirs."""

    def release_device(self) -> None:
        """Free the device: `holds_device` is False when this returns. Does not block."""

    def terminate(self) -> None:
        """It hangs: end it, so that it reports WorkerGone."""

    def close(self) -> None:
        """Nothing of it is left when this returns."""


class ExecutorProvider(Protocol):
    """Where the executors of one kind come from."""

    @property
    def executors(self) -> Sequence[Executor]:
        """At least one; the list may grow, never shrink."""

    @property
    def lost(self) -> bool:
        """Whether none of them can be reached at present."""
