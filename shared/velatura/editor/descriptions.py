"""How lists tell people of what is kept, and of the history."""

from __future__ import annotations

from velatura import strings
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.placement import noted


def name_of(thing: SavedItem | HistoryEntry) -> str:
    """What its layer is called, or was."""
    return strings.result_name([style.name for style in thing.styles], thing.settings)


def about_item(item: SavedItem, now: float) -> tuple[str, str, str]:
    """Three lines: what was restyled, with what, and how far that is. now: seconds since 1970."""
    was = noted(item.note)
    title = item.title or strings.UNTITLED
    if was is not None and was.document and was.document != title:
        title = strings.IN_DOCUMENT.format(layer=title, document=was.document)
    how_far = strings.FINISHED if item.finished else strings.STOPPED_AT.format(percent=100 * item.done)
    return title, name_of(item), f"{how_far} · {strings.when(item.at, now)} · {_size(item.width, item.height)}"


def about_past(line: HistoryEntry, now: float) -> tuple[str, str, str]:
    """Three lines: what was restyled, with what, and when and where."""
    program = strings.PROGRAMS.get(line.program, line.program)
    facts = (strings.when(line.at, now), _size(line.width, line.height), strings.took(line.seconds), program)
    return line.title or strings.UNTITLED, f"{name_of(line)}, {strings.knobs_said(line.settings)}", " · ".join(facts)


def _size(width: int, height: int) -> str:
    return f"{width} × {height} px"
