"""`velatura install krita`, `velatura install gimp`: install the editor plugins, or remove them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from velatura.app_dirs import app_dirs
from velatura.client.launch import record_launcher
from velatura.errors import UsageError
from velatura.i18n import _, lazy_text
from velatura_daemon.plugins import gimp as gimp_plugin
from velatura_daemon.plugins import krita as krita_plugin
from velatura_daemon.plugins.folders import as_disk_trouble, limited_umask
from velatura_daemon.terminal.connect import own_launcher
from velatura_daemon.terminal.console import echo
from velatura_daemon.terminal.help_pages import Group
from velatura_daemon.terminal.options import UserPath

UNINSTALL = click.option("--uninstall", is_flag=True, help=_("Remove the plugin."))


@click.group(cls=Group, help=_("Install the plugin for an editor, or remove it."))
def install() -> None:
    pass


@install.command(help=_("Install the plugin for Krita 5.2 or newer: Filter ▸ Velatura ▸ Restyle…"))
@UNINSTALL
@click.option(
    "--zip",
    "zip_path",
    type=UserPath(),
    metavar=_("FILE.zip"),
    help=_("Write a file for Krita's plugin importer instead."),
)
def krita(uninstall: bool, zip_path: Path | None) -> None:
    if uninstall and zip_path:
        raise UsageError(lazy_text("--uninstall and --zip cannot be combined."))
    if zip_path:
        record_launcher(app_dirs(), own_launcher())  # the plugin starts the daemon with this command
        krita_plugin.write_zip(zip_path)
        echo(
            # Translators: Krita's own menus: as they are called in Krita in your language.
            _("Wrote {file}. In Krita: Tools ▸ Scripts ▸ Import Python Plugin from File…, then restart Krita.").format(
                file=zip_path
            )
        )
        return
    _install_or_remove(krita_plugin, krita_plugin.krita_homes, uninstall)


@install.command(help=_("Install the plugin for GIMP 3: Filters ▸ Velatura ▸ Restyle…"))
@UNINSTALL
def gimp(uninstall: bool) -> None:
    _install_or_remove(gimp_plugin, gimp_plugin.gimp_homes, uninstall)
    for version in gimp_plugin.unsupported_versions() if not uninstall else ():
        echo(gimp_plugin.UNSUPPORTED.format(version=version))


def _install_or_remove(plugin: Any, find_homes: Callable[[], list[Any]], uninstall: bool) -> None:
    """plugin: the module `plugins.krita` or `plugins.gimp`. find_homes: finds the editor's installations."""
    with as_disk_trouble(plugin.EDITOR, Path.home()):
        homes = find_homes()
        used = list(plugin.used_homes(homes)) or homes[:1]
    if uninstall:
        targets = {home.plugin: os.path.realpath(home.plugin) for home in used if home.plugin.is_symlink()}
        removed = [home for home in used if plugin.uninstall(home)]
        for home in removed:
            # Translators: editor: the name of an editor and its version.
            echo(_("{editor}: removed from {folder}").format(editor=home.label, folder=home.plugin.parent))
            if home.plugin in targets:
                echo(
                    _("{path} was a link. The folder {folder} was not deleted.").format(
                        path=home.plugin, folder=targets[home.plugin]
                    )
                )
        restart = _("Restart {editor}.").format(editor=plugin.EDITOR)
        echo(restart if removed else _("The plugin was not installed."))
        return
    for home in used:
        plugin.check(home)
    with limited_umask():
        record_launcher(app_dirs(), own_launcher())  # the plugin starts the daemon with this command
        for home in used:
            plugin.install(home)
            echo(_("{editor}: installed in {folder}").format(editor=home.label, folder=home.plugin.parent))
    echo(
        # Translators: menu: such as “Filter ▸ Velatura ▸ Restyle…”
        _("Start {editor}, or restart it if it is running. The plugin is at {menu}").format(
            editor=plugin.EDITOR, menu=plugin.MENU
        )
    )
