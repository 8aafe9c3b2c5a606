"""`velatura history`, `velatura history use`: list recent restyles of all programs, and reuse their settings."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from velatura.client.saved_results import HistoryEntry, SavedStyle
from velatura.editor.descriptions import describe_entry
from velatura.errors import UsageError
from velatura_daemon.cli.restyle import restyle_file
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.options import DEVICE, FORCE, JSON, WEIGHTS, RestyleOptions
from velatura_daemon.terminal.output import report_failures
from velatura_daemon.terminal.saved import history_entries, styles_as_json
from velatura_daemon.terminal.style_options import Painting


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def history(context: click.Context, as_json: bool) -> None:
    """List the last 200 restyles, latest first. 'use' restyles another photo with the settings of one of them."""
    if context.invoked_subcommand is not None:
        return
    with connect() as client:
        entries = history_entries(client)
    if as_json:
        click.echo(json.dumps([_as_json(entry) for entry in entries], indent=1, ensure_ascii=False))
        return
    if not entries:
        click.echo("The history is empty.")
        return
    table = Table("number", "picture", "style", "when", box=None, header_style="dim")
    now = time.time()
    for entry in entries:
        table.add_row(str(entry.number), *describe_entry(entry, now))
    Console().print(table)


@history.command()
@click.argument("number", type=int)
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: PHOTO-in-PAINTING beside the photo.")
@click.option("--size", type=click.IntRange(2), metavar="PIXELS", help="Longest side. Default: that of the picture.")
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
    """Restyle PHOTO with the settings and paintings of entry NUMBER."""
    with report_failures(as_json):
        with connect() as client:
            entry = next((entry for entry in history_entries(client) if entry.number == number), None)
        if entry is None:
            raise UsageError(f"The history has no entry {number}. 'velatura history' lists the entries.")
        paintings = [_painting(style) for style in entry.styles]
        settings = replace(entry.settings, composite=True)  # files have no layer mask, so blend the result in
        restyle_file(photo, paintings, output, settings, RestyleOptions(size, None, weights, device, force, as_json))


def _painting(style: SavedStyle) -> Painting:
    """Return a style of the history as a painting file. Raises UsageError if the file does not exist any more."""
    if not style.path:
        raise UsageError(
            f"The painting “{style.name}” did not come from a file. "
            "Use 'velatura restyle PHOTO --style PAINTING' instead."
        )
    if not Path(style.path).is_file():
        raise UsageError(
            f"The painting “{style.name}” is no longer at {style.path}. Put it back, or use another painting."
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
