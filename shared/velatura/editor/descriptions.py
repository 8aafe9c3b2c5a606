"""Texts that describe saved items and history entries in lists."""

from __future__ import annotations

from velatura import strings
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.placement import decode_note
from velatura.foreign_text import visible
from velatura.i18n import _, translated


def display_name(item: SavedItem | HistoryEntry) -> str:
    """Return the name of the result's layer."""
    return strings.result_name([style.name for style in item.styles], item.settings)


def describe_item(item: SavedItem, now: float) -> tuple[str, str, str]:
    """Return three lines, whatever the names in them: what was restyled, with which styles, and the progress.

    now: seconds since 1970.
    """
    note = decode_note(item.note)
    title = item.title or translated(strings.UNTITLED)
    if note is not None and note.document and note.document != title:
        title = strings.IN_DOCUMENT.format(layer=title, document=note.document)
    progress = strings.FINISHED if item.finished else strings.STOPPED_AT.format(percent=100 * item.done)
    facts = (progress, strings.short_date(item.at, now), _size(item.width, item.height))
    return visible(title), visible(display_name(item)), visible(" · ".join(facts))


def describe_entry(entry: HistoryEntry, now: float) -> tuple[str, str, str]:
    """Return three lines, whatever the names in them: what was restyled, how, and when and where.

    now: seconds since 1970.
    """
    program = strings.PROGRAMS.get(entry.program, entry.program)
    facts = (
        strings.short_date(entry.at, now),
        _size(entry.width, entry.height),
        strings.duration(entry.seconds),
        program,
    )
    # Translators: two neighbours in a list: the name of a result, and its settings.
    text = _("{name}, {settings}")
    how = text.format(name=display_name(entry), settings=strings.settings_summary(entry.settings))
    return visible(entry.title or translated(strings.UNTITLED)), visible(how), visible(" · ".join(facts))


def _size(width: int, height: int) -> str:
    return _("{width} × {height} px").format(width=width, height=height)
