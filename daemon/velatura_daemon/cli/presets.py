"""`velatura presets`: list, show, share and delete the presets that the editors and `--preset` use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from velatura.app_dirs import app_dirs
from velatura.i18n import _, pgettext
from velatura.presets.store import Entry, PresetStore
from velatura.strings import preset_summary
from velatura_daemon.terminal.console import echo, echo_json, echo_problem, echo_table
from velatura_daemon.terminal.help_pages import Group
from velatura_daemon.terminal.options import FORCE, UserPath
from velatura_daemon.terminal.presets import find_preset


@click.group(
    invoke_without_command=True,
    cls=Group,
    help=_("List the presets: named settings, the same as in Krita and GIMP. 'restyle --preset NAME' uses one."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON."))
@click.pass_context
def presets(context: click.Context, as_json: bool) -> None:
    if context.invoked_subcommand is not None:
        return
    listing = PresetStore.of(app_dirs()).load()
    if as_json:
        echo_json([_as_json(entry) for entry in listing.entries], indent=1)
    else:
        # Translators: after a preset: the user made it.
        yours = pgettext("preset", "yours")
        rows = [
            (entry.preset.name, preset_summary(entry.preset.settings), "" if entry.ours else yours)
            for entry in listing.entries
        ]
        echo_table((pgettext("column", "name"), pgettext("column", "settings"), ""), rows)
    for sentence in listing.problems:
        echo_problem(sentence)


@presets.command(help=_("Show every setting of a preset."))
@click.argument("preset", metavar=_("NAME|FILE"))
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON."))
def show(preset: str, as_json: bool) -> None:
    entry = find_preset(preset)
    if as_json:
        echo_json(_as_json(entry), indent=1)
        return
    rows = []
    for name, value in entry.preset.values.items():
        text = (
            ("yes" if value else "no")
            if isinstance(value, bool)
            else f"{value:g}"
            if isinstance(value, float)
            else value
        )
        rows.append((f"--{name.replace('_', '-')}", str(text)))
    echo(entry.preset.name)
    echo_table((pgettext("column", "option"), pgettext("column", "value")), rows)


@presets.command(help=_("Write a preset to FILE, to share it."))
@click.argument("name", metavar=_("NAME"))
@click.argument("file", type=UserPath(), metavar=_("FILE"))
@FORCE
def export(name: str, file: Path, force: bool) -> None:
    store = PresetStore.of(app_dirs())
    echo(str(store.export(store.find(name), file, overwrite=force)))


@presets.command("import", help=_("Add preset files to the presets of Krita, GIMP and the command line."))
@click.argument("files", nargs=-1, required=True, type=UserPath(), metavar=_("FILES..."))
def import_(files: tuple[Path, ...]) -> None:
    store = PresetStore.of(app_dirs())
    for file in files:
        preset = store.import_file(file).preset
        echo(_("Imported as “{name}”.").format(name=preset.name))
        if preset.warning:
            echo_problem(preset.warning)


@presets.command(help=_("Delete one of your presets."))
@click.argument("name", metavar=_("NAME"))
def delete(name: str) -> None:
    store = PresetStore.of(app_dirs())
    entry = store.find(name)
    store.delete(entry)
    echo(_("Deleted the preset “{name}”.").format(name=entry.preset.name))


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.preset.name,
        "ours": entry.ours,
        "file": str(entry.path),
        "settings": entry.preset.values,
        "unknown": list(entry.preset.unknown),
    }
