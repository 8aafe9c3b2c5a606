"""`velatura install krita`, `velatura install gimp`: the plugin into the editor, and out again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from velatura.app_dirs import app_dirs
from velatura.client.launch import record_launcher
from velatura.errors import UsageError
from velatura_daemon.plugins import gimp as gimp_plugin
from velatura_daemon.plugins import krita as krita_plugin
from velatura_daemon.terminal.connect import own_launcher

TAKE_AWAY = click.option("--uninstall", is_flag=True, help="Take the plugin away, and nothing else.")


@click.group()
def install() -> None:
    """Put the plugin into an editor (or take it away)."""


@install.command()
@TAKE_AWAY
@click.option(
    "--zip",
    "zip_path",
    type=click.Path(path_type=Path),
    metavar="FILE.zip",
    help="Write a file for Krita's own importer instead.",
)
def krita(uninstall: bool, zip_path: Path | None) -> None:
    """The plugin for Krita 5.2 and newer: Filter ▸ Artistic ▸ Restyle with Velatura…"""
    if uninstall and zip_path:
        raise UsageError("--uninstall and --zip do not go together.")
    if zip_path:
        record_launcher(app_dirs(), own_launcher())  # the plugin starts the daemon by it
        krita_plugin.write_zip(zip_path)
        click.echo(
            f"Wrote {zip_path}. In Krita: Tools ▸ Scripts ▸ Import Python Plugin from File…, then start Krita anew."
        )
        return
    _in_or_out(krita_plugin, krita_plugin.krita_homes(), uninstall)


@install.command()
@TAKE_AWAY
def gimp(uninstall: bool) -> None:
    """The plugin for GIMP 3: Filters ▸ Artistic ▸ Restyle with Velatura…"""
    _in_or_out(gimp_plugin, gimp_plugin.gimp_homes(), uninstall)
    for version in gimp_plugin.unserved() if not uninstall else ():
        click.echo(gimp_plugin.NOT_SERVED.format(version=version))


def _in_or_out(plugin: Any, homes: list[Any], uninstall: bool) -> None:
    """plugin: the module that knows this editor's folders."""
    used = list(plugin.used_homes(homes)) or homes[:1]
    if uninstall:
        taken = [home for home in used if plugin.uninstall(home)]
        for home in taken:
            click.echo(f"{home.kind}: taken out of {home.plugin.parent}")
        click.echo(f"Start {plugin.EDITOR} anew." if taken else "There was no plugin to take away.")
        return
    record_launcher(app_dirs(), own_launcher())  # the plugin starts the daemon by it
    for home in used:
        plugin.install(home)
        click.echo(f"{home.kind}: put into {home.plugin.parent}")
    click.echo(f"Start {plugin.EDITOR} (anew, if it is running): {plugin.MENU}")
