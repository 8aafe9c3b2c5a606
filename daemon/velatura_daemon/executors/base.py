"""Where work is done, as the foreman sees it. Makers: `local`, worker processes of this machine; `upstream`, another
daemon; `farm`, actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Executor(Protocol):
    """Does one job at a time. What it has to say is fetched by `hear`; it wakes the front whenever there is something.

    It says maps with `say`: here, ready (device, weights … for status), estimate, alive, progress, preview, notice,
    kept, stopped, failed, done, gone. A job's carry the `job` of its order, and end with one of stopped, failed, done,
    gone. `gone` may have a `sentence` for the painter, and be `blameless`: what went was not brought down by the job.
    """

    info: dict[str, Any]

    @property
    def device(self) -> str:
        """The name of the one it works on, as a job may ask for it; 'auto' where it can be any."""

    @property
    def available(self) -> bool:
        """Whether a job given now is begun at once; or whether giving it one is the way to find out."""

    @property
    def holds_device(self) -> bool:
        """Whether there is anything that `leave` would give back."""

    @property
    def pid(self) -> int:
        """Of the process of this machine that works for it; 0: there is none."""

    def hear(self) -> dict[str, Any] | None:
        """The next thing it has said, or None."""

    def call(self) -> None:
        """There is more to do than there are hands: be available as soon as may be, and say `here` then. Does not wait
        for it."""

    def work(self, job: dict[str, Any]) -> None:
        """Hand over a job: `JobService._order_for` says what stands in an order. Raises OSError where that cannot
        be."""

    def estimate(self, question: dict[str, Any]) -> None:
        """Have it say how long something would take: ticket, width, height, settings, weights, device."""

    def cancel(self, job: str) -> None:
        """Stop a job soon; `stopped` will be said."""

    def pause(self, job: str) -> None:
        """The same, and what is done of it may be gone on with."""

    def settle(self, job: str) -> None:
        """Its result is kept: whoever made it may forget it."""

    def leave(self) -> None:
        """Give the device back: `holds_device` is false from when this returns on. Does not wait for it."""

    def end_by_force(self) -> None:
        """It hangs: end it, so that it says `gone`."""

    def kill(self) -> None:
        """Nothing of it is left when this returns."""


class ExecutorProvider(Protocol):
    """Where the executors of one kind come from."""

    @property
    def executors(self) -> Sequence[Executor]:
        """One at least; there may be more later, never fewer."""

    @property
    def lost(self) -> bool:
        """Whether nobody of them can be reached at present."""
