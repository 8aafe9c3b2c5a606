"""Running a restyle from a terminal until it ends, and the metadata stored with its result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from velatura import __version__
from velatura.client.client import Client
from velatura.client.events import Finished, StepPicture, StyleList
from velatura.errors import DaemonLost, VelaturaError, error_from
from velatura.i18n import lazy_text, sentences
from velatura.pixels import Picture
from velatura.protocol.messages import MAX_NAME, MAX_NOTE, Cancelled, Failed, Preview
from velatura.settings import StyleSettings
from velatura.strings import PROGRESS_SAVED
from velatura_daemon.terminal.output import Display, preview_writer
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.step_files import StepFiles
from velatura_daemon.user_paths import real_path

SAVED_PROGRESS_HINT = lazy_text("'velatura results list' shows it.")
REPLACED = lazy_text("The restyle was cancelled because a newer one for the same picture replaced it.")


def run_restyle(
    client: Client,
    display: Display,
    preview: Path | None,
    content: Picture,
    styles: StyleList,
    settings: StyleSettings,
    steps: StepFiles | None = None,
    **more: Any,
) -> Finished:
    """Start a restyle and show its progress until it is finished. steps: where its steps are written.

    Raises VelaturaError if it fails; KeyboardInterrupt cancels it."""
    write_preview = preview_writer(preview, display.note)
    if steps is not None:
        client.wait_until_ready()
        if not client.understands_steps:
            raise VelaturaError(
                lazy_text(
                    "The running daemon is older and cannot send the steps of a restyle. Run 'velatura daemon stop', "
                    "then restyle again."
                )
            )
        more["step_every"] = steps.every
    job = client.restyle(content, styles, settings, **more)
    try:
        return wait_for_result(client, display, job, write_preview, steps)
    except KeyboardInterrupt:
        client.cancel(job)
        raise


def wait_for_result(
    client: Client,
    display: Display,
    job: str,
    write_preview: Callable[[Preview], object] = lambda _: None,
    steps: StepFiles | None = None,
) -> Finished:
    """Show the progress of a job until it is finished. Raises VelaturaError if it fails or is replaced."""
    for event in client.events(job):
        if isinstance(event, (Finished, StepPicture)) and steps is not None:
            steps.write(event.picture, display)
        if isinstance(event, Finished):
            return event
        if isinstance(event, Failed) and event.code == DaemonLost.code and PROGRESS_SAVED in event.sentence:
            raise DaemonLost(sentences(event.sentence, SAVED_PROGRESS_HINT))
        if isinstance(event, Failed):
            raise error_from(event.code, event.sentence)
        if isinstance(event, Cancelled):
            raise VelaturaError(REPLACED)
        if isinstance(event, Preview):
            write_preview(event)
        display.event(event)
    raise AssertionError("the events of a job end with a result, a failure or a cancellation")


def metadata_of(done: Finished, settings: StyleSettings) -> dict[str, Any]:
    """Return how the picture was made, for its metadata and for --json."""
    result = done.result
    return {
        "software": f"Velatura {__version__}",
        "weights": result.weights,
        "device": result.device,
        "seconds": round(result.seconds, 3),
        "content_loss": result.content_loss,
        "style_loss": result.style_loss,
        "started_from": result.started_from,
        "settings": settings.to_wire(),
    }


def layer_name(photo: Path, output: Path) -> str:
    """Return the layer name for the daemon: the same for the same photo and output file, so that a newer job replaces
    an older one."""
    return printable(f"{real_path(photo)} {real_path(output)}")[-MAX_NAME:]


def client_note(output: Path, **more: str) -> str:
    """Return the note stored with a restyle for `velatura results save`; '' if it is longer than the protocol
    allows."""
    note = json.dumps({"output": str(real_path(output)), **more})
    return note if len(note) <= MAX_NOTE else ""
