"""Saved results and history entries: request them from the daemon, and find one by the start of its ID."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velatura.client.client import Client
from velatura.client.events import HistoryEntries, SavedItems
from velatura.client.saved_results import HistoryEntry, SavedItem, SavedStyle
from velatura.errors import UsageError, error_from
from velatura.i18n import Text, lazy_plural, lazy_text
from velatura.protocol.messages import Failed

ID_LENGTH = 8  # characters of an ID that a list shows
NONE_SAVED = lazy_text("There are no saved results: all of them were delivered.")


def saved_items(client: Client) -> list[SavedItem]:
    """Return the saved results and unfinished restyles of all programs of this user, latest first."""
    client.request_saved(everyone=True)
    for event in client.events():
        if isinstance(event, SavedItems):
            return event.items
        if isinstance(event, Failed):
            raise error_from(event.code, event.sentence)
    raise AssertionError("events() has no end without a job")


def history_entries(client: Client) -> list[HistoryEntry]:
    """Return all entries of the history, latest first."""
    entries: list[HistoryEntry] = []
    client.request_history()
    for event in client.events():
        if isinstance(event, HistoryEntries):
            if not event.entries:
                return entries
            entries += event.entries
            client.request_history(before=entries[-1].number)  # the entries that did not fit into this message
        elif isinstance(event, Failed):
            raise error_from(event.code, event.sentence)
    raise AssertionError("events() has no end without a job")


def find_by_prefix(items: Sequence[SavedItem], prefix: str) -> SavedItem:
    """Return the item whose ID starts with `prefix`; '' selects the only item. Raises UsageError if there is none or
    more than one."""
    matches = [item for item in items if item.job.startswith(prefix)]
    if not items:
        raise UsageError(NONE_SAVED)
    if not matches:
        raise UsageError(
            lazy_text(
                "No saved result has an ID that starts with {prefix}. 'velatura results list' shows the IDs.",
                prefix=repr(prefix),
            )
        )
    if len(matches) > 1:
        raise UsageError(_several(len(matches), prefix))
    return matches[0]


def _several(number: int, prefix: str) -> Text:
    if not prefix:
        return lazy_plural(
            "There is {count} saved result. Give its ID; 'velatura results list' shows it.",
            "There are {count} saved results. Give the ID of one; 'velatura results list' shows them.",
            number,
        )
    return lazy_plural(
        "There is {count} saved result with an ID that starts with {prefix}. Give its ID; 'velatura results list' "
        "shows it.",
        "There are {count} saved results with IDs that start with {prefix}. Give the ID of one; 'velatura results "
        "list' shows them.",
        number,
        prefix=repr(prefix),
    )


def styles_as_json(styles: Sequence[SavedStyle]) -> list[dict[str, Any]]:
    """Return styles as objects for --json."""
    return [{"name": style.name, "path": style.path, "share": style.share} for style in styles]
