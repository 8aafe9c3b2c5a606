"""What waits to be said: of one job only the newest of what only the newest matters of. So a slow listener costs no
memory."""

from __future__ import annotations

from typing import Any

ONLY_NEWEST = ("preview", "progress", "kept", "alive", "ready")


class CoalescingQueue:
    """In the order in which things were said. Not for several threads at a time."""

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []

    def add(self, message: dict[str, Any]) -> None:
        if message["say"] in ONLY_NEWEST:
            self._drop(message["say"], message.get("job"))
        elif message["say"] in ("done", "failed", "stopped"):
            self._drop("kept", message["job"])  # nobody goes on from it
        self._waiting.append(message)

    def has_any(self, *, kept: bool) -> bool:
        """Whether `take` would give anything."""
        return bool(self._waiting) and (kept or any(message["say"] != "kept" for message in self._waiting))

    def take(self, *, kept: bool) -> list[dict[str, Any]]:
        """All that waits. kept: pictures in work too, which are large; where a worker has gone they are what is left of
        it, and wait no more."""
        kept = kept or any(message["say"] == "gone" for message in self._waiting)
        taken = [message for message in self._waiting if kept or message["say"] != "kept"]
        self._waiting = [message for message in self._waiting if not kept and message["say"] == "kept"]
        return taken

    def _drop(self, say: str, job: str | None) -> None:
        self._waiting = [other for other in self._waiting if (other["say"], other.get("job")) != (say, job)]
