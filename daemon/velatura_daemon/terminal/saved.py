"""What the daemon keeps, as the command line asks for it: waited for, and found by the beginning of an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velatura.client.client import Client
from velatura.client.events import HistoryEntries, SavedItems
from velatura.client.saved_results import HistoryEntry, SavedItem, SavedStyle
from velatura.errors import UsageError, error_from
from velatura.protocol.messages import Failed

ID = 8  # characters of an id that a list shows


def saved_items(client: Client) -> list[SavedItem]:
    """What waits for any of this user's programs, the latest first."""
    client.request_saved(everyone=True)
    for event in client.events():
        if isinstance(event, SavedItems):
            return event.items
        if isinstance(event, Failed):
            raise error_from(event.code, event.sentence)
    raise AssertionError("events() has no end without a job")


def history_entries(client: Client) -> list[HistoryEntry]:
    """The history, the latest first."""
    lines: list[HistoryEntry] = []
    client.request_history()
    for event in client.events():
        if isinstance(event, HistoryEntries):
            if not event.entries:
                return lines
            lines += event.entries
            client.request_history(before=lines[-1].number)  # what did not fit into the message
        elif isinstance(event, Failed):
            raise error_from(event.code, event.sentence)
    raise AssertionError("events() has no end without a job")


def find(items: Sequence[SavedItem], beginning: str) -> SavedItem:
    """The one whose id begins so; '': the only one. Raises UsageError."""
    found = [item for item in items if item.job.startswith(beginning)]
    if not items:
        raise UsageError("No result is kept: every one has reached its program.")
    if not found:
        raise UsageError(f"No result is kept whose id begins with {beginning!r}. 'velatura results list' names them.")
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} results are kept{f' whose ids begin with {beginning!r}' if beginning else ''}. "
            "Say which: 'velatura results list' names them."
        )
    return found[0]


def styles_said(styles: Sequence[SavedStyle]) -> list[dict[str, Any]]:
    """For --json."""
    return [{"name": style.name, "path": style.path, "share": style.share} for style in styles]
