"""`velatura install krita`, `velatura install gimp`: install the editor plugins, or remove them."""

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

UNINSTALL = click.option("--uninstall", is_flag=True, help="Remove the plugin.")


@click.group()
def install() -> None:
    """Install the plugin for an editor, or remove it."""


@install.command()
@UNINSTALL
@click.option(
    "--zip",
    "zip_path",
    type=click.Path(path_type=Path),
    metavar="FILE.zip",
    help="Write a file for Krita's plugin importer instead.",
)
def krita(uninstall: bool, zip_path: Path | None) -> None:
    """Install the plugin for Krita 5.2 or newer: Filter ▸ Velatura ▸ Restyle…"""
    if uninstall and zip_path:
        raise UsageError("--uninstall and --zip cannot be combined.")
    if zip_path:
        record_launcher(app_dirs(), own_launcher())  # the plugin starts the daemon with this command
        krita_plugin.write_zip(zip_path)
        click.echo(
            f"Wrote {zip_path}. In Krita: Tools ▸ Scripts ▸ Import Python Plugin from File…, then restart Krita."
        )
        return
    _install_or_remove(krita_plugin, krita_plugin.krita_homes(), uninstall)


@install.command()
@UNINSTALL
def gimp(uninstall: bool) -> None:
    """Install the plugin for GIMP 3: Filters ▸ Velatura ▸ Restyle…"""
    _install_or_remove(gimp_plugin, gimp_plugin.gimp_homes(), uninstall)
    for version in gimp_plugin.unsupported_versions() if not uninstall else ():
        click.echo(gimp_plugin.UNSUPPORTED.format(version=version))


def _install_or_remove(plugin: Any, homes: list[Any], uninstall: bool) -> None:
    """plugin: the module `plugins.krita` or `plugins.gimp`."""
    used = list(plugin.used_homes(homes)) or homes[:1]
    if uninstall:
        removed = [home for home in used if plugin.uninstall(home)]
        for home in removed:
            click.echo(f"{home.label}: removed from {home.plugin.parent}")
        click.echo(f"Restart {plugin.EDITOR}." if removed else "The plugin was not installed.")
        return
    record_launcher(app_dirs(), own_launcher())  # the plugin starts the daemon with this command
    for home in used:
        plugin.install(home)
        click.echo(f"{home.label}: installed in {home.plugin.parent}")
    click.echo(f"Start {plugin.EDITOR}, or restart it if it is running. The plugin is at {plugin.MENU}")
