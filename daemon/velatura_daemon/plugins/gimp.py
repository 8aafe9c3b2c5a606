"""The plugin in GIMP's folders: where they lie on each system, how it gets in and out, what can be wrong with it.

What lies there: plug-ins/velatura_gimp/velatura_gimp.py, executable, in a folder of the same name: GIMP passes over any
other without a word.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from velatura.app_dirs import POSIX
from velatura_daemon.plugins.bundle import installed_build, plugin_build, plugin_sources
from velatura_daemon.plugins.folders import OTHER_VERSION, State, absolute, replace_plugin, told_as_disk_trouble

EDITOR, MENU = "GIMP", "Filters ▸ Artistic ▸ Restyle with Velatura…"
NAME = "velatura_gimp"
SOURCES = "plugin_gimp"
FLATPAK, SNAP = "org.gimp.GIMP", "gimp"
VERSION_WITHOUT_GIMP = "3.0"  # the folder that is made where no GIMP 3 has been started yet
NOT_SERVED = "GIMP {version} is here too; Velatura does not serve it. It needs GIMP 3."


@dataclass(frozen=True)
class GimpHome:
    """One version of GIMP of this user. kind: as people name it. config: its folder, whose name is the version."""

    kind: str
    config: Path

    @property
    def plugin(self) -> Path:
        return self.config / "plug-ins" / NAME

    @property
    def script(self) -> Path:
        return self.plugin / f"{NAME}.py"


def gimp_homes(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> list[GimpHome]:
    """Every place where a GIMP 3 of this user looks. The first is used even where it is not there yet; GIMP3_DIRECTORY
    names the only one."""
    env = os.environ if env is None else env
    if env.get("GIMP3_DIRECTORY"):
        return [GimpHome("GIMP", Path(env["GIMP3_DIRECTORY"]))]
    found, seen = [], set()
    for kind, folder in _folders(env, platform):
        for config in _versions(folder, "3"):
            if config.resolve() not in seen:  # a Flatpak may share the plain one's
                seen.add(config.resolve())
                found.append(GimpHome(f"{kind} {config.name}", config))
    kind, folder = next(_folders(env, platform))
    return found or [GimpHome(kind, folder / VERSION_WITHOUT_GIMP)]


def unserved(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> list[str]:
    """Versions of GIMP 2 that this user has."""
    env = os.environ if env is None else env
    return sorted({config.name for _, folder in _folders(env, platform) for config in _versions(folder, "2")})


def _folders(env: Mapping[str, str], platform: str) -> Iterator[tuple[str, Path]]:
    """Where each kind of GIMP keeps a folder a version."""
    home = Path(env.get("HOME") or Path.home())
    if platform == "win32":
        yield "GIMP", Path(env.get("APPDATA") or home / "AppData/Roaming") / "GIMP"
    elif platform == "darwin":
        yield "GIMP", home / "Library/Application Support/GIMP"
    else:
        yield "GIMP (package or AppImage)", absolute(env.get("XDG_CONFIG_HOME"), home / ".config") / "GIMP"
        yield "GIMP (Flatpak)", home / ".var/app" / FLATPAK / "config/GIMP"
        yield "GIMP (Snap)", home / "snap" / SNAP / "current/.config/GIMP"


def _versions(folder: Path, major: str) -> list[Path]:
    """The folders of this major version, the newest first."""
    names = [path for path in folder.glob(f"{major}.*") if re.fullmatch(r"\d+\.\d+", path.name) and path.is_dir()]
    return sorted(names, key=lambda path: [int(part) for part in path.name.split(".")], reverse=True)


# --- in and out --------------------------------------------------------------------------------------
def install(home: GimpHome) -> None:
    """Put the plugin there. An older one is replaced whole. Raises DiskTrouble."""
    with told_as_disk_trouble(EDITOR, home.config):
        replace_plugin(plugin_sources(SOURCES) / NAME, home.plugin)
        home.script.chmod(0o755)  # a wheel may have lost it
        home.script.touch()  # GIMP asks a plug-in what it has only where the file is newer than what it knows of


def uninstall(home: GimpHome) -> bool:
    """Take away just what `install` put there. False where there was nothing. Raises DiskTrouble."""
    there = home.plugin.exists()
    with told_as_disk_trouble(EDITOR, home.config):
        if there:
            shutil.rmtree(home.plugin)
    return there


def state_of(home: GimpHome) -> State:
    """What `doctor` says of one GIMP."""
    strays = [path for path in _scripts(home.plugin.parent) if path != home.script]
    if not home.plugin.exists() and not strays:
        return State(False)
    if strays:
        return State(True, f"{strays[0]} is not where GIMP looks (plug-ins/{NAME}/{NAME}.py): remove it")
    if not home.script.is_file():
        return State(True, f"{home.script} is missing")
    if POSIX and not os.access(home.script, os.X_OK):
        return State(True, f"{home.script} is not executable, so GIMP passes it over")
    if installed_build(home.plugin) != plugin_build(SOURCES, NAME):
        return State(True, OTHER_VERSION)
    return State(True)


def _scripts(folder: Path) -> list[Path]:
    """Wherever somebody may have put the script."""
    return sorted([*folder.glob(f"{NAME}.py"), *folder.glob(f"*/{NAME}.py"), *folder.glob(f"*/*/{NAME}.py")])


def used_homes(homes: list[GimpHome]) -> Iterator[GimpHome]:
    """Those whose GIMP has been started once, or that were made for our plugin."""
    for home in homes:
        if home.config.is_dir():
            yield home
