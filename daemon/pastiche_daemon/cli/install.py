"""`pastiche install krita`: the plugin into the editor, and out again."""

from __future__ import annotations

from pathlib import Path

import click

from pastiche.errors import UsageError
from pastiche.launch import record
from pastiche.paths import places
from pastiche_daemon.cli.connect import own_launcher
from pastiche_daemon.plugins import krita as krita_plugin


@click.group()
def install() -> None:
    """Put the plugin into an editor (or take it away)."""


@install.command()
@click.option("--uninstall", is_flag=True, help="Take the plugin away, and nothing else.")
@click.option("--zip", "zip_path", type=click.Path(path_type=Path), metavar="FILE.zip",
              help="Write a file for Krita's own importer instead.")  # fmt: skip
def krita(uninstall: bool, zip_path: Path | None) -> None:
    """The plugin for Krita 5.2 and newer: Filter ▸ Artistic ▸ Restyle with Pastiche…"""
    if uninstall and zip_path:
        raise UsageError("--uninstall and --zip do not go together.")
    if not uninstall:
        record(places(), own_launcher())  # the plugin starts the daemon by it
    if zip_path:
        krita_plugin.write_zip(zip_path)
        click.echo(f"Wrote {zip_path}. In Krita: Tools ▸ Scripts ▸ Import Python Plugin from File…, then start Krita anew.")
        return
    homes = krita_plugin.krita_homes()
    used = list(krita_plugin.used_homes(homes)) or homes[:1]
    done = [home for home in used if not uninstall or krita_plugin.uninstall(home)]
    for home in done:
        if not uninstall:
            krita_plugin.install(home)
        click.echo(f"{home.kind}: {'taken out of' if uninstall else 'put into'} {home.resources}")
    if uninstall:
        click.echo("Start Krita anew." if done else "There was no plugin to take away.")
    else:
        click.echo("Switched on. Start Krita (anew, if it is running): Filter ▸ Artistic ▸ Restyle with Pastiche…")
