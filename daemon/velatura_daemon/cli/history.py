"""`velatura history`, `velatura history use`: the last restyles of all programs, to look at and to use again."""

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
from velatura_daemon.terminal.options import DEVICE, FORCE, JSON, WEIGHTS
from velatura_daemon.terminal.output import failures_told
from velatura_daemon.terminal.saved import history_entries, styles_said
from velatura_daemon.terminal.style_options import Painting


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def history(context: click.Context, as_json: bool) -> None:
    """The last 200 restyles, the latest first; 'use' restyles another photo as one of them."""
    if context.invoked_subcommand is not None:
        return
    with connect() as client:
        lines = history_entries(client)
    if as_json:
        click.echo(json.dumps([_said(line) for line in lines], indent=1, ensure_ascii=False))
        return
    if not lines:
        click.echo("No restyle has been made yet.")
        return
    table = Table("number", "of", "style", "when", box=None, header_style="dim")
    now = time.time()
    for line in lines:
        table.add_row(str(line.number), *describe_entry(line, now))
    Console().print(table)


@history.command()
@click.argument("number", type=int)
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: PHOTO-in-PAINTING beside the photo.")
@click.option("--size", type=click.IntRange(2), metavar="PIXELS", help="Longest side; without it the picture's own.")
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
    """Restyle PHOTO with the knobs and the paintings of line NUMBER."""
    with failures_told(as_json):
        with connect() as client:
            line = next((line for line in history_entries(client) if line.number == number), None)
        if line is None:
            raise UsageError(f"The history has no line {number}. 'velatura history' shows those it has.")
        paintings = [_painting(style) for style in line.styles]
        settings = replace(line.settings, composite=True)  # here are files
        restyle_file(photo, paintings, output, size, None, weights, device, None, force, as_json, settings)


def _painting(style: SavedStyle) -> Painting:
    """Raises UsageError where its file is no more."""
    if not style.path:
        raise UsageError(
            f"The painting “{style.name}” came from no file. Give one yourself: velatura restyle PHOTO --style "
            "PAINTING."
        )
    if not Path(style.path).is_file():
        raise UsageError(
            f"The painting “{style.name}” is not at {style.path} any more. Put it back, or restyle with another."
        )
    return Painting(Path(style.path), style.share)


def _said(line: HistoryEntry) -> dict[str, Any]:
    return {
        "number": line.number,
        "at": line.at,
        "program": line.program,
        "title": line.title,
        "width": line.width,
        "height": line.height,
        "seconds": line.seconds,
        "weights": line.weights,
        "device": line.device,
        "styles": styles_said(line.styles),
        "settings": line.settings.to_wire(),
    }
