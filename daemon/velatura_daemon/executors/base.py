"""The interface between the scheduler and the executors, which run jobs.

Providers of executors: `local`, worker processes of this machine; `remote`, another daemon; `ray`, actors of a Ray
cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from velatura_daemon.jobs.events import WorkerEvent, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec


class Executor(Protocol):
    """Runs one job at a time. The server fetches events with `poll`; the executor wakes it when there are some.

    A job's events carry the ticket of its spec and end with JobStopped, JobFailed, JobDone or WorkerGone.
    """

    info: WorkerInfo
    sends_idle_heartbeats: bool  # also without a job, so that silence always means that it hangs

    @property
    def device(self) -> str:
        """The name of its device, as jobs name it; 'auto' if it can be any."""

    @property
    def available(self) -> bool:
        """Whether a job would start at once, or, if that is unknown, whether a job may be given to it to find out."""

    @property
    def holds_device(self) -> bool:
        """Whether `release_device` would free a device."""

    @property
    def pid(self) -> int:
        """The process on this machine that works for it; 0 if there is none."""

    def poll(self) -> WorkerEvent | None:
        """Return the next event, or None."""

    def request_start(self) -> None:
        """Become available, then report Available: more jobs wait than executors are available. Does not block."""

    def run(self, spec: JobSpec) -> None:
        """Start a job. Raises OSError if that is impossible."""

    def estimate(self, request: EstimateRequest) -> None:
        """Request an estimate; answered with Estimated. Raises OSError."""

    def cancel(self, ticket: str) -> None:
        """Stop a job soon; it ends with JobStopped."""

    def pause(self, ticket: str) -> None:
        """Stop a job soon, but keep its progress where it is; it ends with JobStopped."""

    def acknowledge(self, ticket: str) -> None:
        """The result is stored on this machine: another machine that made it may delete its copy."""

    def step_taken(self, ticket: str) -> None:
        """The client has a step of the job. Only for executors of this machine: others get no jobs with steps."""

    def release_device(self) -> None:
        """Free the device: `holds_device` is False when this returns. Does not block."""

    def terminate(self) -> None:
        """End a job that hangs, so that the executor reports WorkerGone."""

    def close(self) -> None:
        """End everything; no process or connection is left when this returns."""


class ExecutorProvider(Protocol):
    """Makes and holds the executors of one kind."""

    @property
    def executors(self) -> Sequence[Executor]:
        """At least one. The list may grow but never shrinks."""

    @property
    def lost(self) -> bool:
        """Whether none of them can be reached now."""
