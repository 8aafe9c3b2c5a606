"""Where work is done, as the foreman sees it. Makers: `local`, a worker process of this machine; `upstream`, another machine's daemon."""

from __future__ import annotations

from typing import Any, Protocol


class Executor(Protocol):
    """Does one job at a time. What it has to say is fetched by `hear`; it wakes the front whenever there is something.

    It says maps with `say`: ready (device, weights … for status), estimate, alive, progress, preview, notice, kept, stopped, failed,
    done, gone. A job's carry the `job` of its order, and end with one of stopped, failed, done, gone.
    """

    info: dict[str, Any]

    @property
    def pid(self) -> int:
        """Of the process that holds a device for us; 0: there is none."""

    def hear(self) -> dict[str, Any] | None:
        """The next thing it has said, or None."""

    def work(self, job: dict[str, Any]) -> None:
        """Hand over a job: `Foreman._start` says what stands in an order. Raises OSError where that cannot be."""

    def estimate(self, question: dict[str, Any]) -> None:
        """Have it say how long something would take: ticket, width, height, settings, weights, device."""

    def cancel(self, job: str) -> None:
        """Stop a job soon; `stopped` will be said."""

    def pause(self, job: str) -> None:
        """The same, and what is done of it may be gone on with."""

    def settle(self, job: str) -> None:
        """Its result is kept: whoever made it may forget it."""

    def leave(self) -> None:
        """Give the device back. Does not wait for it."""

    def end_by_force(self) -> None:
        """It hangs: end it, so that it says `gone`."""

    def kill(self) -> None:
        """Nothing of it is left when this returns."""
