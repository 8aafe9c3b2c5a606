"""A restyle asked for from a terminal: followed to its end, and described for metadata and later commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from velatura import __version__
from velatura.client.client import Client
from velatura.client.events import Finished, StyleList
from velatura.errors import DaemonLost, VelaturaError, error_from
from velatura.pixels import Picture
from velatura.protocol.messages import MAX_NAME, MAX_NOTE, Cancelled, Failed, Preview
from velatura.settings import StyleSettings
from velatura_daemon.terminal.output import Show, preview_writer
from velatura_daemon.terminal.printable import printable

KEPT = "What is kept of it, 'velatura results list' shows."


def follow(
    client: Client,
    show: Show,
    preview: Path | None,
    content: Picture,
    styles: StyleList,
    settings: StyleSettings,
    **more: Any,
) -> Finished:
    """Ask for it and show how it goes. Raises what failed; an interrupt cancels it."""
    write_preview = preview_writer(preview, show.note)
    job = client.restyle(content, styles, settings, **more)
    try:
        return watch(client, show, job, write_preview)
    except KeyboardInterrupt:
        client.cancel(job)
        raise


def watch(
    client: Client, show: Show, job: str, write_preview: Callable[[Preview], object] = lambda _: None
) -> Finished:
    """Show how a job goes, to its end. Raises what failed."""
    for event in client.events(job):
        if isinstance(event, Finished):
            return event
        if isinstance(event, Failed) and event.code == DaemonLost.code:
            raise DaemonLost(f"{event.sentence} {KEPT}")
        if isinstance(event, Failed):
            raise error_from(event.code, event.sentence)
        if isinstance(event, Cancelled):
            raise VelaturaError("The restyle was cancelled: a newer one for the same picture took its place.")
        if isinstance(event, Preview):
            write_preview(event)
        show.event(event)
    raise AssertionError("a job's events end with its ending")


def facts_of(done: Finished, settings: StyleSettings) -> dict[str, Any]:
    """What made the picture, for its metadata and for --json."""
    r = done.result
    return {
        "software": f"Velatura {__version__}",
        "weights": r.weights,
        "device": r.device,
        "seconds": round(r.seconds, 3),
        "content_loss": r.content_loss,
        "style_loss": r.style_loss,
        "started_from": r.started_from,
        "settings": settings.to_wire(),
    }


def layer_of(photo: Path, output: Path) -> str:
    """What is restyled, for the daemon: the same photo to the same file."""
    return printable(f"{photo.resolve()} {output.resolve()}")[-MAX_NAME:]


def note_of(output: Path, **more: str) -> str:
    """What is noted with a restyle, for `velatura results save`; '' where the daemon would not take that much."""
    note = json.dumps({"output": str(output.resolve()), **more})
    return note if len(note) <= MAX_NOTE else ""
