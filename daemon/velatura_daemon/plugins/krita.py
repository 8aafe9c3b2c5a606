"""The plugin in Krita's resources: where they lie on each system, how it gets in, out, and switched on.

What lies there: pykrita/velatura_krita.desktop, pykrita/velatura_krita/, actions/velatura_krita.action; and in kritarc
[python] enable_velatura_krita=true.
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

from velatura.app_dirs import POSIX
from velatura.errors import DiskTrouble, UsageError
from velatura_daemon.plugins.bundle import installed_build, plugin_build, plugin_sources, write_plugin
from velatura_daemon.plugins.folders import OTHER_VERSION, State, absolute, replace_plugin, told_as_disk_trouble

EDITOR, MENU = "Krita", "Filter ▸ Artistic ▸ Restyle with Velatura…"
NAME = "velatura_krita"
SOURCES = "plugin_krita"
SWITCH = f"enable_{NAME}"
FLATPAK, SNAP = "org.kde.krita", "krita"


@dataclass(frozen=True)
class KritaHome:
    """One Krita of this user. kind: as people name it. resources: its folder; config: its kritarc."""

    kind: str
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
    """Every place where a Krita of this user may look, the plain one first: that one is used even where it is not
    there yet, the others only where that Krita has been started once."""
    env = os.environ if env is None else env
    home = Path(env.get("HOME") or Path.home())
    if platform == "win32":
        roaming = Path(env.get("APPDATA") or home / "AppData/Roaming")
        local = Path(env.get("LOCALAPPDATA") or home / "AppData/Local")
        return [_with_own_resources(KritaHome("Krita", roaming / "krita", local / "kritarc"))]
    if platform == "darwin":
        support, preferences = home / "Library/Application Support", home / "Library/Preferences"
        return [_with_own_resources(KritaHome("Krita", support / "krita", preferences / "kritarc"))]
    data = absolute(env.get("XDG_DATA_HOME"), home / ".local/share")
    config = absolute(env.get("XDG_CONFIG_HOME"), home / ".config")
    homes = [KritaHome("Krita (package or AppImage)", data / "krita", config / "kritarc")]
    flatpak, snap = home / ".var/app" / FLATPAK, home / "snap" / SNAP / "current"
    if flatpak.is_dir():
        homes.append(KritaHome("Krita (Flatpak)", flatpak / "data/krita", flatpak / "config/kritarc"))
    if snap.is_dir():
        homes.append(KritaHome("Krita (Snap)", snap / ".local/share/krita", snap / ".config/kritarc"))
    return [_with_own_resources(one) for one in homes]


def _with_own_resources(home: KritaHome) -> KritaHome:
    """Krita lets people put the resources elsewhere: kritarc says where."""
    match = re.search(r"^ResourceDirectory=(.+)$", _read(home.config), flags=re.MULTILINE)
    if match and Path(match[1].strip()).is_absolute():
        return KritaHome(home.kind, Path(match[1].strip()), home.config)
    return home


# --- in and out --------------------------------------------------------------------------------------
def install(home: KritaHome) -> None:
    """Put the plugin there and switch it on. An older one is replaced whole. Raises DiskTrouble."""
    sources = plugin_sources(SOURCES)
    with told_as_disk_trouble(EDITOR, home.resources):
        replace_plugin(sources / NAME, home.plugin)
        home.action.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sources / f"{NAME}.desktop", home.desktop)
        shutil.copy(sources / f"{NAME}.action", home.action)
        _write(home.config, with_switch(_read(home.config), "true"))


def uninstall(home: KritaHome) -> bool:
    """Take away just what `install` put there. False where there was nothing. Raises DiskTrouble."""
    there = [path for path in (home.plugin, home.desktop, home.action) if path.exists()]
    with told_as_disk_trouble(EDITOR, home.resources):
        for path in there:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        said = _read(home.config)
        if _switch(said) is not None:
            _write(home.config, with_switch(said, None))
    return bool(there)


def write_zip(path: Path) -> None:
    """A file for Krita's own importer (Tools ▸ Scripts ▸ Import Python Plugin…). Raises UsageError, DiskTrouble."""
    if path.suffix.lower() != ".zip":
        raise UsageError(f"{path.name} does not end with .zip; Krita's importer takes only such files.")
    sources = plugin_sources(SOURCES)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "zip"
        write_plugin(sources / NAME, root / NAME)
        (root / "actions").mkdir()
        shutil.copy(sources / f"{NAME}.desktop", root)
        shutil.copy(sources / f"{NAME}.action", root / "actions")
        try:
            made = shutil.make_archive(
                str(Path(folder) / NAME), "zip", root
            )  # writes the folders' entries too: it wants them
            shutil.move(made, path)
        except OSError as error:
            raise DiskTrouble(f"{path} cannot be written ({error.strerror}). Choose another place.") from error


def state_of(home: KritaHome) -> State:
    """What `doctor` says of one Krita."""
    there = [path.exists() for path in (home.plugin, home.desktop, home.action)]
    if not any(there):
        return State(False)
    if not all(there):
        return State(True, f"parts of the plugin are missing under {home.resources}")
    build = installed_build(home.plugin)
    if build != plugin_build(SOURCES, NAME):
        return State(True, OTHER_VERSION)
    if _switch(_read(home.config)) != "true":
        return State(True, f"the plugin is switched off in {home.config}")
    return State(True)


# --- kritarc -----------------------------------------------------------------------------------------
def with_switch(config: str, value: str | None) -> str:
    """A kritarc with our switch set, or taken away (None); every other line as it was."""
    lines = config.splitlines()
    found = [i for i, line in enumerate(lines) if re.match(rf"{SWITCH}\s*=", line) and _group(lines, i) == "[python]"]
    if value is not None and found:
        lines[found[0]] = f"{SWITCH}={value}"
        found = found[1:]
    elif value is not None:
        if "[python]" not in lines:
            lines += [""] * bool(lines and lines[-1].strip()) + ["[python]"]
        lines.insert(lines.index("[python]") + 1, f"{SWITCH}={value}")
    for index in reversed(found):
        del lines[index]
    return "\n".join(lines) + "\n" if lines else ""


def _switch(config: str) -> str | None:
    lines = config.splitlines()
    for index, line in enumerate(lines):
        name, _, value = line.partition("=")
        if name.strip() == SWITCH and _group(lines, index) == "[python]":
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
    """Beside, then renamed: Krita's settings are never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_text(text, encoding="utf-8", errors="surrogateescape")
    if POSIX and path.exists():
        beside.chmod(path.stat().st_mode & 0o777)
    beside.replace(path)


def used_homes(homes: list[KritaHome]) -> Iterator[KritaHome]:
    """Those whose Krita has been started once, or that hold our plugin."""
    for home in homes:
        if home.resources.is_dir() or home.config.exists():
            yield home
