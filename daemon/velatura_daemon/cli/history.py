"""`velatura history`, `velatura history use`: list recent restyles of all programs, and reuse their settings."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from velatura.client.saved_results import HistoryEntry, SavedStyle
from velatura.editor.descriptions import describe_entry
from velatura.errors import UsageError
from velatura.i18n import _, lazy_text, pgettext
from velatura_daemon.cli.restyle import restyle_file
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.console import echo, echo_json, echo_table
from velatura_daemon.terminal.help_pages import Group
from velatura_daemon.terminal.options import DEVICE, FORCE, JSON, WEIGHTS, RestyleOptions, UserPath
from velatura_daemon.terminal.output import report_failures
from velatura_daemon.terminal.saved import history_entries, styles_as_json
from velatura_daemon.terminal.style_options import Painting
from velatura_daemon.user_paths import is_file


@click.group(
    invoke_without_command=True,
    cls=Group,
    help=_("List the last 200 restyles, latest first. 'use' restyles another photo with the settings of one of them."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON."))
@click.pass_context
def history(context: click.Context, as_json: bool) -> None:
    if context.invoked_subcommand is not None:
        return
    with connect() as client:
        entries = history_entries(client)
    if as_json:
        echo_json([_as_json(entry) for entry in entries], indent=1)
        return
    if not entries:
        echo(_("The history is empty."))
        return
    now = time.time()
    rows = [(str(entry.number), *describe_entry(entry, now)) for entry in entries]
    headings = (
        pgettext("column", "number"),
        pgettext("column", "picture"),
        pgettext("column", "style"),
        pgettext("column", "when"),
    )
    echo_table(headings, rows)


@history.command(help=_("Restyle PHOTO with the settings and paintings of entry NUMBER."))
@click.argument("number", type=int, metavar=_("NUMBER"))
@click.argument("photo", type=UserPath(), metavar=_("PHOTO"))
@click.option("-o", "--output", type=UserPath(), help=_("Default: PHOTO-in-PAINTING beside the photo."))
@click.option(
    "--size", type=click.IntRange(2), metavar=_("PIXELS"), help=_("Longest side. Default: that of the picture.")
)
@WEIGHTS
@DEVICE
@FORCE
@JSON
def use(
    number: int,
    photo: Path,
    output: Path | None,
    size: int | None,
    weights: str,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    with report_failures(as_json):
        with connect() as client:
            entry = next((entry for entry in history_entries(client) if entry.number == number), None)
        if entry is None:
            raise UsageError(
                lazy_text(
                    "The history has no entry {number}. 'velatura history' lists the entries.", number=str(number)
                )
            )
        paintings = [_painting(style) for style in entry.styles]
        settings = replace(entry.settings, composite=True)  # files have no layer mask, so blend the result in
        restyle_file(photo, paintings, output, settings, RestyleOptions(size, None, weights, device, force, as_json))


def _painting(style: SavedStyle) -> Painting:
    """Return a style of the history as a painting file. Raises UsageError if the file does not exist any more."""
    if not style.path:
        raise UsageError(
            lazy_text(
                "The painting “{name}” did not come from a file. Use 'velatura restyle PHOTO --style PAINTING' "
                "instead.",
                name=style.name,
            )
        )
    if not is_file(Path(style.path)):
        raise UsageError(
            lazy_text(
                "The painting “{name}” is no longer at {path}. Put it back, or use another painting.",
                name=style.name,
                path=style.path,
            )
        )
    return Painting(Path(style.path), style.share)


def _as_json(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": entry.at,
        "program": entry.program,
        "title": entry.title,
        "width": entry.width,
        "height": entry.height,
        "seconds": entry.seconds,
        "weights": entry.weights,
        "device": entry.device,
        "styles": styles_as_json(entry.styles),
        "settings": entry.settings.to_wire(),
    }
