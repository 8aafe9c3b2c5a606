"""The memory that all connections together may take for unfinished messages and for replies that were not read."""

from __future__ import annotations

from typing import Protocol

from velatura.protocol.zmtp import MAX_MESSAGE, SMALL
from velatura_daemon.clock import Clock

BUDGET = 64 << 20  # bytes: 15 of the largest messages at once, so that many editors on fast lines seldom wait
# In small messages, which need no admission, and previews: beyond it the connection with the most is closed.
HARD_LIMIT = 2 * BUDGET
# While others wait, a connection that moves less than STALL_BYTES in STALL_SECONDS is closed. 6.5 KB/s is far below a
# slow line between two machines (a modem's 56 kbit/s).
STALL_SECONDS = 10.0
STALL_BYTES = 64 << 10
LOOK_SECONDS = 1.0  # between looks at stalled connections while others wait


class Holder(Protocol):
    """A connection, as `BufferBudget` sees it."""

    @property
    def bytes_held(self) -> int:
        """Memory of its unfinished message and of what it has not read."""

    @property
    def progress(self) -> int:
        """Bytes moved so far in the direction in which it holds memory."""

    def resume(self) -> bool:
        """Try again what was not admitted. Returns whether anything still waits."""

    def cut_off(self, why: str) -> None:
        """Close the connection soon."""


class BufferBudget:
    """Large messages are admitted if the budget allows it. The others wait in order, and nothing is read from them or
    made for them meanwhile. A connection that stalls is closed if others wait for its memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[Holder, int] = {}
        self.used = 0
        self._waiting: dict[Holder, None] = {}  # in order of arrival
        self._progress: dict[Holder, tuple[int, float]] = {}  # at which time it had moved so many bytes

    def admit(self, holder: Holder, size: int) -> bool:
        """Whether memory for a message of this size may be allocated now. If not, `holder.resume` is called later."""
        first = next(iter(self._waiting), holder)
        if first is not holder or self.used + size > BUDGET:
            self._waiting.setdefault(holder)
            return False
        self._waiting.pop(holder, None)
        self._set(holder, self._held.get(holder, 0) + size)
        return True

    def update(self, holder: Holder) -> None:
        """What the connection holds may have changed."""
        self._set(holder, holder.bytes_held)
        if self.used > HARD_LIMIT:
            why = "all clients together leave too much unread"  # not translated: for the log
            max(self._held, key=lambda each: self._held[each]).cut_off(why)

    def remove(self, holder: Holder) -> None:
        """The connection is closed."""
        self._set(holder, 0)
        self._waiting.pop(holder, None)
        self._progress.pop(holder, None)

    def _set(self, holder: Holder, held: int) -> None:
        self.used += held - self._held.pop(holder, 0)
        if held:
            self._held[holder] = held

    def is_waiting(self, holder: Holder) -> bool:
        """Whether the connection is not served because others hold the memory."""
        return holder in self._waiting

    @property
    def due(self) -> float | None:
        """Seconds until `tidy` has something to do, or None."""
        if not self._waiting:
            return None
        return 0.0 if self.used + MAX_MESSAGE <= BUDGET else LOOK_SECONDS

    def tidy(self) -> None:
        """Serve the connections that wait, and cut off those that stall."""
        for holder in list(self._waiting):
            if next(iter(self._waiting), None) is holder and not holder.resume():
                self._waiting.pop(holder, None)
        if not self._waiting:
            self._progress.clear()
            return
        now = self._clock.now()
        for holder, held in list(self._held.items()):
            moved, since = self._progress.get(holder, (-STALL_BYTES, now))
            if held <= SMALL:
                self._progress.pop(holder, None)
            elif holder.progress - moved >= STALL_BYTES:
                self._progress[holder] = (holder.progress, now)
            elif now - since >= STALL_SECONDS:
                holder.cut_off("it has stalled, and others wait for the memory")  # not translated: for the log
