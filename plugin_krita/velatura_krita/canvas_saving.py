"""Whether Krita is saving a document. Krita tells plugins only of the end, so its commands are watched.

Automatic saves are not noticed: Krita makes them of a copy, in the background.
"""

from __future__ import annotations

import time

from krita import Krita

COMMANDS = ("file_save", "file_save_as", "save_incremental_version", "save_incremental_backup")
LONGEST = 30.0  # seconds; after that it is taken for cancelled, for example in the dialog for the file's name


class _Watch:
    """Connected to Krita at the first question. began_at: of the save that has not ended yet."""

    def __init__(self) -> None:
        self.began_at: float | None = None
        for name in COMMANDS:
            action = Krita.instance().action(name)
            if action is not None:
                action.triggered.connect(self._on_began)
        notifier = Krita.instance().notifier()
        notifier.setActive(True)
        notifier.imageSaved.connect(self._on_ended)

    def _on_began(self, *_: object) -> None:
        self.began_at = time.monotonic()

    def _on_ended(self, *_: object) -> None:
        self.began_at = None


_watch: _Watch | None = None


def is_saving() -> bool:
    """Whether a document is being saved by a command of the user's."""
    global _watch
    if _watch is None:
        _watch = _Watch()
    return _watch.began_at is not None and time.monotonic() - _watch.began_at < LONGEST
