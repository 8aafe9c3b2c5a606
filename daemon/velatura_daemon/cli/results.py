"""`velatura results list|save|drop`: results that were not delivered, and restyles that were interrupted."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import click

from velatura import strings
from velatura.client.saved_results import SavedItem
from velatura.editor.descriptions import describe_item
from velatura.errors import UsageError
from velatura.i18n import _, lazy_text, pgettext
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.console import echo, echo_json, echo_table
from velatura_daemon.terminal.file_names import from_title
from velatura_daemon.terminal.help_pages import Group
from velatura_daemon.terminal.options import FORCE, JSON, UserPath
from velatura_daemon.terminal.output import Display, JsonLines, ProgressBar, report_failures
from velatura_daemon.terminal.restyle_task import metadata_of, wait_for_result
from velatura_daemon.terminal.saved import ID_LENGTH, NONE_SAVED, find_by_prefix, saved_items, styles_as_json


@click.group(
    cls=Group,
    help=_("Manage results that were not delivered and restyles that were interrupted, from all your programs."),
)
def results() -> None:
    pass


@results.command("list", help=_("List the saved results, latest first."))
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON."))
def list_(as_json: bool) -> None:
    with connect() as client:
        items = saved_items(client)
    if as_json:
        echo_json([_as_json(item) for item in items], indent=1)
        return
    if not items:
        echo(NONE_SAVED)
        return
    now = time.time()
    rows = [
        (item.job[:ID_LENGTH], *describe_item(item, now), strings.PROGRAMS.get(item.program, item.program))
        for item in items
    ]
    headings = (
        # Translators: of a saved result: what names it in commands.
        pgettext("column", "id"),
        pgettext("column", "picture"),
        pgettext("column", "style"),
        pgettext("column", "progress"),
        pgettext("column", "program"),
    )
    echo_table(headings, rows)


@results.command(
    help=_(
        "Write a saved result to a file. An interrupted restyle is finished first. ID: its first characters; not "
        "needed if there is only one."
    )
)
@click.argument("id", default="", metavar=_("[ID]"))
@click.option(
    "-o",
    "--output",
    type=UserPath(),
    help=_("Default: the output file of the restyle, or its title in the current folder."),
)
@click.option("--as-it-is", is_flag=True, help=_("Save an interrupted restyle as far as it got, without finishing it."))
@FORCE
@JSON
def save(id: str, output: Path | None, as_it_is: bool, force: bool, as_json: bool) -> None:
    from velatura_daemon.imaging.files import check_output, write_picture

    display: Display
    with report_failures(as_json), connect() as client:
        client.acknowledge_manually()  # the daemon keeps the result until the file is written
        item = find_by_prefix(saved_items(client), id)
        output = output or _output_of(item)
        check_output(output, force)
        display = JsonLines() if as_json else ProgressBar()
        with contextlib.closing(display):
            if item.finished:
                client.fetch(item)
            else:
                client.resume(item, how="as_it_is" if as_it_is else "go_on")
            try:
                done = wait_for_result(client, display, item.job)
            except BaseException:
                client.disconnect()  # the daemon saves the progress
                ending.kept(_("Progress was saved: 'velatura results list' shows it."))
                raise
            metadata = metadata_of(done, item.settings)
            notes = write_picture(
                output, done.picture, description=json.dumps(metadata, ensure_ascii=False), force=force
            )
            client.acknowledge(done)
            if done.mask is not None:
                notes.append(
                    lazy_text(
                        "The file shows the restyled part with its surroundings, without the mask that an editor "
                        "plugin applies."
                    )
                )
            ending.kept(_("The picture is in {path}.").format(path=output))
            for note in [*done.result.notes, *notes]:
                display.note(note)
            display.result(output=str(output), **metadata)


@results.command(help=_("Delete a saved result. ID: its first characters."))
@click.argument("id", default="", metavar=_("ID"))
@click.option("--all", "everything", is_flag=True, help=_("Delete all saved results."))
def drop(id: str, everything: bool) -> None:
    if bool(id) == everything:
        raise UsageError(lazy_text("Give the ID of the result to delete, or --all."))
    with connect() as client:
        items = saved_items(client)
        selected = items if everything else [find_by_prefix(items, id)]
        for item in selected:
            client.drop(item)
        remaining = {item.job for item in saved_items(client)}  # the reply arrives after the deletions
    deleted = [item for item in selected if item.job not in remaining]
    # Translators: numbers of saved results.
    echo(_("Deleted: {deleted} of {all}.").format(deleted=len(deleted), all=len(items)))


def _output_of(item: SavedItem) -> Path:
    """Return the output file of a restyle from the command line; for other programs, a file named after the title in
    the current folder."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return Path(json.loads(item.note)["output"])
    parts = (from_title(item.title) or from_title(strings.UNTITLED), from_title(item.job[:ID_LENGTH]))
    return Path(f"{'-'.join(filter(None, parts))}.png")


def _as_json(item: SavedItem) -> dict[str, Any]:
    return {
        "id": item.job,
        "program": item.program,
        "title": item.title,
        "at": item.at,
        "finished": item.finished,
        "done": item.done,
        "width": item.width,
        "height": item.height,
        "styles": styles_as_json(item.styles),
        "settings": item.settings.to_wire(),
        "note": item.note,
    }
