"""The plugin in GIMP's folders: their location on each system, installing, removing and checking the plugin.

It is installed as plug-ins/velatura_gimp/velatura_gimp.py, executable. The folder must have the same name as the file,
otherwise GIMP ignores it silently.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from velatura.app_dirs import POSIX
from velatura.i18n import lazy_text
from velatura_daemon.plugins.bundle import installed_build, plugin_build, plugin_sources, write_plugin
from velatura_daemon.plugins.folders import (
    OTHER_VERSION,
    PluginState,
    absolute_or_default,
    as_disk_trouble,
    check_plugin_folder,
    remove,
    replace_plugin,
)

EDITOR = "GIMP"
# Translators: where the command is in GIMP's menus; Filters as GIMP itself translates it.
MENU = lazy_text("Filters ▸ Velatura ▸ Restyle…")
NAME = "velatura_gimp"
SOURCES = "plugin_gimp"
FLATPAK, SNAP = "org.gimp.GIMP", "gimp"
DEFAULT_VERSION = "3.0"  # of the folder that is created if no GIMP 3 has been started yet
UNSUPPORTED = lazy_text("GIMP {version} is installed too, but Velatura requires GIMP 3.")


@dataclass(frozen=True)
class GimpHome:
    """One GIMP installation of this user. label: its name for users. config: its configuration folder, named after the
    version."""

    label: str
    config: Path

    @property
    def plugin(self) -> Path:
        return self.config / "plug-ins" / NAME

    @property
    def script(self) -> Path:
        return self.plugin / f"{NAME}.py"


def gimp_homes(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> list[GimpHome]:
    """Return every folder in which a GIMP 3 of this user looks for plug-ins. The first one is used even if it does not
    exist yet. If GIMP3_DIRECTORY is set, it is the only one."""
    env = os.environ if env is None else env
    if env.get("GIMP3_DIRECTORY"):
        return [GimpHome("GIMP", Path(env["GIMP3_DIRECTORY"]))]
    homes, seen = [], set()
    for label, folder in _folders(env, platform):
        for config in _versions(folder, "3"):
            if config.resolve() not in seen:  # a Flatpak may share the folder of the normal installation
                seen.add(config.resolve())
                named = lazy_text("{editor} {version}", editor=label, version=config.name)
                homes.append(GimpHome(named, config))
    label, folder = next(_folders(env, platform))
    return homes or [GimpHome(label, folder / DEFAULT_VERSION)]


def unsupported_versions(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> list[str]:
    """Return the versions of GIMP 2 that this user has."""
    env = os.environ if env is None else env
    return sorted({config.name for _, folder in _folders(env, platform) for config in _versions(folder, "2")})


def _folders(env: Mapping[str, str], platform: str) -> Iterator[tuple[str, Path]]:
    """Yield the label of each kind of GIMP installation and the folder that contains one folder per version."""
    home = Path(env.get("HOME") or Path.home())
    if platform == "win32":
        yield "GIMP", Path(env.get("APPDATA") or home / "AppData/Roaming") / "GIMP"
    elif platform == "darwin":
        yield "GIMP", home / "Library/Application Support/GIMP"  # not translated: a name and a folder
    else:
        # Translators: which of several kinds of GIMP: one from the distribution, or an AppImage.
        yield (
            lazy_text("GIMP (package or AppImage)"),
            absolute_or_default(env.get("XDG_CONFIG_HOME"), home / ".config") / "GIMP",
        )
        yield "GIMP (Flatpak)", home / ".var/app" / FLATPAK / "config/GIMP"
        yield "GIMP (Snap)", home / "snap" / SNAP / "current/.config/GIMP"


def _versions(folder: Path, major: str) -> list[Path]:
    """Return the folders of this major version, newest first."""
    names = [path for path in folder.glob(f"{major}.*") if re.fullmatch(r"\d+\.\d+", path.name) and path.is_dir()]
    return sorted(names, key=lambda path: [int(part) for part in path.name.split(".")], reverse=True)


# --- installing and removing --------------------------------------------------------------------------------------
def check(home: GimpHome) -> None:
    """Raise DiskTrouble for what would stop `install`, before anything is changed."""
    check_plugin_folder(home.plugin)


def install(home: GimpHome) -> None:
    """Install the plugin, replacing an older one completely. Raises DiskTrouble."""
    with as_disk_trouble(EDITOR, home.config):
        replace_plugin(plugin_sources(SOURCES) / NAME, home.plugin)
        home.script.chmod(0o755)  # a wheel may have lost the executable bit
        home.script.touch()  # GIMP queries a plug-in again only if its file is newer than its records


def write_tree(root: Path) -> Path:
    """Write what is unpacked into GIMP's folder of plug-ins. Returns the folder of the plugin in it."""
    write_plugin(plugin_sources(SOURCES) / NAME, root / NAME)
    (root / NAME / f"{NAME}.py").chmod(0o755)
    return root / NAME


def uninstall(home: GimpHome) -> bool:
    """Remove exactly what `install` created. Returns False if there was nothing. Raises DiskTrouble."""
    installed = os.path.lexists(home.plugin)
    with as_disk_trouble(EDITOR, home.config):
        if installed:
            remove(home.plugin)
    return installed


def state_of(home: GimpHome) -> PluginState:
    """Return the state of the plugin in one GIMP, for `doctor`."""
    strays = [path for path in _scripts(home.plugin.parent) if path != home.script]
    if not home.plugin.exists() and not strays:
        return PluginState(False)
    if strays:
        problem = lazy_text(
            "{path} is in the wrong place (GIMP reads plug-ins/{name}/{name}.py); remove it", path=strays[0], name=NAME
        )
        return PluginState(True, problem)
    if not home.script.is_file():
        return PluginState(True, lazy_text("{path} is missing", path=home.script))
    if POSIX and not os.access(home.script, os.X_OK):
        return PluginState(True, lazy_text("{path} is not executable, so GIMP ignores it", path=home.script))
    if installed_build(home.plugin) != plugin_build(SOURCES, NAME):
        return PluginState(True, OTHER_VERSION)
    return PluginState(True)


def _scripts(folder: Path) -> list[Path]:
    """Return every file that may be a copy of the plug-in, also in wrong places."""
    return sorted([*folder.glob(f"{NAME}.py"), *folder.glob(f"*/{NAME}.py"), *folder.glob(f"*/*/{NAME}.py")])


def used_homes(homes: list[GimpHome]) -> Iterator[GimpHome]:
    """Yield the installations that have been started once, or whose folder was created for this plugin."""
    for home in homes:
        if home.config.is_dir():
            yield home
