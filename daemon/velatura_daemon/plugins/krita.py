"""The plugin in Krita's resource folders: their location on each system, installing, removing, enabling and checking
the plugin.

It consists of pykrita/velatura_krita.desktop, pykrita/velatura_krita/ and actions/velatura_krita.action. It is enabled
by `enable_velatura_krita=true` in the group [python] of kritarc.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from velatura.atomic import POSIX, write_atomically
from velatura.errors import DiskTrouble, UsageError
from velatura_daemon.plugins.bundle import installed_build, plugin_build, plugin_sources, write_plugin
from velatura_daemon.plugins.folders import (
    OTHER_VERSION,
    PluginState,
    absolute_or_default,
    as_disk_trouble,
    replace_plugin,
)

EDITOR, MENU = "Krita", "Filter ▸ Velatura ▸ Restyle…"
NAME = "velatura_krita"
SOURCES = "plugin_krita"
ENABLE_KEY = f"enable_{NAME}"
FLATPAK, SNAP = "org.kde.krita", "krita"


@dataclass(frozen=True)
class KritaHome:
    """One Krita installation of this user. label: its name for users. resources: its resource folder. config: its
    kritarc."""

    label: str
    resources: Path
    config: Path

    @property
    def plugin(self) -> Path:
        return self.resources / "pykrita" / NAME

    @property
    def desktop(self) -> Path:
        return self.resources / "pykrita" / f"{NAME}.desktop"

    @property
    def action(self) -> Path:
        return self.resources / "actions" / f"{NAME}.action"


def krita_homes(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> list[KritaHome]:
    """Return every Krita installation of this user, the normal one first. That one is used even if it does not exist
    yet; the others only if they have been started once."""
    env = os.environ if env is None else env
    home = Path(env.get("HOME") or Path.home())
    if platform == "win32":
        roaming = Path(env.get("APPDATA") or home / "AppData/Roaming")
        local = Path(env.get("LOCALAPPDATA") or home / "AppData/Local")
        return [_with_configured_resources(KritaHome("Krita", roaming / "krita", local / "kritarc"))]
    if platform == "darwin":
        support, preferences = home / "Library/Application Support", home / "Library/Preferences"
        return [_with_configured_resources(KritaHome("Krita", support / "krita", preferences / "kritarc"))]
    data = absolute_or_default(env.get("XDG_DATA_HOME"), home / ".local/share")
    config = absolute_or_default(env.get("XDG_CONFIG_HOME"), home / ".config")
    homes = [KritaHome("Krita (package or AppImage)", data / "krita", config / "kritarc")]
    flatpak, snap = home / ".var/app" / FLATPAK, home / "snap" / SNAP / "current"
    if flatpak.is_dir():
        homes.append(KritaHome("Krita (Flatpak)", flatpak / "data/krita", flatpak / "config/kritarc"))
    if snap.is_dir():
        homes.append(KritaHome("Krita (Snap)", snap / ".local/share/krita", snap / ".config/kritarc"))
    return [_with_configured_resources(home) for home in homes]


def _with_configured_resources(home: KritaHome) -> KritaHome:
    """Apply the resource folder set in kritarc: users can move it."""
    match = re.search(r"^ResourceDirectory=(.+)$", _read(home.config), flags=re.MULTILINE)
    if match and Path(match[1].strip()).is_absolute():
        return KritaHome(home.label, Path(match[1].strip()), home.config)
    return home


# --- installing and removing --------------------------------------------------------------------------------------
def install(home: KritaHome) -> None:
    """Install and enable the plugin, replacing an older one completely. Raises DiskTrouble."""
    sources = plugin_sources(SOURCES)
    with as_disk_trouble(EDITOR, home.resources):
        replace_plugin(sources / NAME, home.plugin)
        home.action.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sources / f"{NAME}.desktop", home.desktop)
        shutil.copy(sources / f"{NAME}.action", home.action)
        _write(home.config, with_enabled(_read(home.config), "true"))


def uninstall(home: KritaHome) -> bool:
    """Remove exactly what `install` created. Returns False if there was nothing. Raises DiskTrouble."""
    installed = [path for path in (home.plugin, home.desktop, home.action) if path.exists()]
    with as_disk_trouble(EDITOR, home.resources):
        for path in installed:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        config = _read(home.config)
        if _enabled_value(config) is not None:
            _write(home.config, with_enabled(config, None))
    return bool(installed)


def write_zip(path: Path) -> None:
    """Write a file for Krita's plugin importer (Tools ▸ Scripts ▸ Import Python Plugin…). Raises UsageError,
    DiskTrouble."""
    if path.suffix.lower() != ".zip":
        raise UsageError(f"{path.name} must end in .zip, because Krita's importer accepts only such files.")
    sources = plugin_sources(SOURCES)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "zip"
        write_plugin(sources / NAME, root / NAME)
        (root / "actions").mkdir()
        shutil.copy(sources / f"{NAME}.desktop", root)
        shutil.copy(sources / f"{NAME}.action", root / "actions")
        try:
            archive = shutil.make_archive(
                str(Path(folder) / NAME), "zip", root
            )  # has the folder entries that Krita needs
            shutil.move(archive, path)
        except OSError as error:
            raise DiskTrouble(f"{path} cannot be written ({error.strerror}). Choose another place.") from error


def state_of(home: KritaHome) -> PluginState:
    """Return the state of the plugin in one Krita, for `doctor`."""
    parts = [path.exists() for path in (home.plugin, home.desktop, home.action)]
    if not any(parts):
        return PluginState(False)
    if not all(parts):
        return PluginState(True, f"parts of the plugin are missing in {home.resources}")
    build = installed_build(home.plugin)
    if build != plugin_build(SOURCES, NAME):
        return PluginState(True, OTHER_VERSION)
    if _enabled_value(_read(home.config)) != "true":
        return PluginState(True, f"the plugin is disabled in {home.config}")
    return PluginState(True)


# --- kritarc -----------------------------------------------------------------------------------------
def with_enabled(config: str, value: str | None) -> str:
    """Return a kritarc with the plugin's key set to `value`, or removed if it is None. All other lines stay as they
    are."""
    lines = config.splitlines()
    matches = [
        i for i, line in enumerate(lines) if re.match(rf"{ENABLE_KEY}\s*=", line) and _group(lines, i) == "[python]"
    ]
    if value is not None and matches:
        lines[matches[0]] = f"{ENABLE_KEY}={value}"
        matches = matches[1:]
    elif value is not None:
        if "[python]" not in lines:
            lines += [""] * bool(lines and lines[-1].strip()) + ["[python]"]
        lines.insert(lines.index("[python]") + 1, f"{ENABLE_KEY}={value}")
    for index in reversed(matches):
        del lines[index]
    return "\n".join(lines) + "\n" if lines else ""


def _enabled_value(config: str) -> str | None:
    lines = config.splitlines()
    for index, line in enumerate(lines):
        name, _, value = line.partition("=")
        if name.strip() == ENABLE_KEY and _group(lines, index) == "[python]":
            return value.strip()
    return None


def _group(lines: list[str], index: int) -> str:
    return next((line.strip() for line in reversed(lines[:index]) if line.startswith("[")), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    """Write a text file atomically, and keep the permissions of an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.replace("\n", os.linesep).encode("utf-8", "surrogateescape")
    permissions = path.stat().st_mode & 0o777 if POSIX and path.exists() else None

    def write(file: IO[bytes]) -> None:
        file.write(data)
        if permissions is not None:
            os.fchmod(file.fileno(), permissions)

    write_atomically(path, write)


def used_homes(homes: list[KritaHome]) -> Iterator[KritaHome]:
    """Those whose Krita has been started once, or that hold our plugin."""
    for home in homes:
        if home.resources.is_dir() or home.config.exists():
            yield home
