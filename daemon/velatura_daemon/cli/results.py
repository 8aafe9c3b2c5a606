"""`velatura results list|save|drop`: results that never reached their program, and restyles that were stopped
midway."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from velatura import strings
from velatura.client.saved_results import SavedItem
from velatura.editor.descriptions import describe_item
from velatura.errors import UsageError
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.options import FORCE, JSON
from velatura_daemon.terminal.output import Bar, Lines, Show, failures_told
from velatura_daemon.terminal.restyle_task import facts_of, watch
from velatura_daemon.terminal.saved import ID, find, saved_items, styles_said


@click.group()
def results() -> None:
    """What waits: results that never arrived, restyles that were stopped midway, of all your programs."""


@results.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(as_json: bool) -> None:
    """Say what is kept, the latest first."""
    with connect() as client:
        items = saved_items(client)
    if as_json:
        click.echo(json.dumps([_said(item) for item in items], indent=1, ensure_ascii=False))
        return
    if not items:
        click.echo("No result is kept: every one has reached its program.")
        return
    table = Table("id", "of", "style", "how far", "program", box=None, header_style="dim")
    now = time.time()
    for item in items:
        table.add_row(item.job[:ID], *describe_item(item, now), strings.PROGRAMS.get(item.program, item.program))
    Console().print(table)


@results.command()
@click.argument("id", default="", metavar="[ID]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Default: where the restyle was to write it; else its name, here.",
)
@click.option("--as-it-is", is_flag=True, help="One that was stopped midway: the picture as far as it got, at once.")
@FORCE
@JSON
def save(id: str, output: Path | None, as_it_is: bool, force: bool, as_json: bool) -> None:
    """Write a result to a file; one that was stopped midway is finished first. ID: its beginning is enough, the only
    one needs none."""
    from velatura_daemon.imaging.files import check_output, write_picture

    show: Show
    with failures_told(as_json), connect() as client:
        client.acknowledge_manually()  # until the file is written
        item = find(saved_items(client), id)
        output = output or _output_of(item)
        check_output(output, force)
        show = Lines() if as_json else Bar()
        with contextlib.closing(show):
            if item.finished:
                client.fetch(item)
            else:
                client.resume(item, how="as_it_is" if as_it_is else "go_on")
            try:
                done = watch(client, show, item.job)
            except BaseException:
                client.disconnect()  # what is done by now stays kept
                raise
            facts = facts_of(done, item.settings)
            notes = write_picture(output, done.picture, description=json.dumps(facts, ensure_ascii=False), force=force)
            client.acknowledge(done)
            if done.mask is not None:
                notes.append(
                    "It is the selection's part of its layer, with what is around it; an editor's plugin puts it back "
                    "with its mask."
                )
            for note in [*done.result.notes, *notes]:
                show.note(note)
            show.result(output=str(output), **facts)


@results.command()
@click.argument("id", default="", metavar="ID")
@click.option("--all", "everything", is_flag=True, help="All of them.")
def drop(id: str, everything: bool) -> None:
    """Forget a result. ID: its beginning is enough."""
    if bool(id) == everything:
        raise UsageError("Say which result is to be forgotten by its ID, or --all of them.")
    with connect() as client:
        items = saved_items(client)
        doomed = items if everything else [find(items, id)]
        for item in doomed:
            client.drop(item)
        left = {item.job for item in saved_items(client)}  # the answer comes when that is done
    click.echo(f"Forgotten: {len([item for item in doomed if item.job not in left])} of {len(items)}.")


def _output_of(item: SavedItem) -> Path:
    """Where the command line's restyle was to write it; of another program's, its name in this folder."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return Path(json.loads(item.note)["output"])
    name = re.sub(r"[^\w.-]+", "-", item.title or strings.UNTITLED).strip("-.")
    return Path(f"{name}-{item.job[:ID]}.png")


def _said(item: SavedItem) -> dict[str, Any]:
    return {
        "id": item.job,
        "program": item.program,
        "title": item.title,
        "at": item.at,
        "finished": item.finished,
        "done": item.done,
        "width": item.width,
        "height": item.height,
        "styles": styles_said(item.styles),
        "settings": item.settings.to_wire(),
        "note": item.note,
    }
