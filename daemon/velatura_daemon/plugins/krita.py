"""The plugin in Krita's resource folders: their location on each system, installing, removing, enabling and checking
the plugin.

It consists of pykrita/velatura_krita.desktop, pykrita/velatura_krita/ and actions/velatura_krita.action. It is enabled
by `enable_velatura_krita=true` in the group [python] of kritarc.
"""

from __future__ import annotations

import contextlib
import gettext
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from velatura.atomic import make_folders, write_users_file
from velatura.errors import DiskTrouble, UsageError
from velatura.i18n import available_languages, lazy_text
from velatura.i18n.catalogue import DOMAIN, LOCALE
from velatura_daemon.plugins.archive import write_archive
from velatura_daemon.plugins.bundle import installed_build, plugin_build, plugin_sources, write_plugin
from velatura_daemon.plugins.folders import (
    OTHER_VERSION,
    PluginState,
    absolute_or_default,
    as_disk_trouble,
    check_plugin_folder,
    read_users_file,
    remove,
    replace_file,
    replace_plugin,
)

EDITOR = "Krita"  # not translated: a name
# Translators: where the command is in Krita's menus; Filter as Krita itself translates it.
MENU = lazy_text("Filter ▸ Velatura ▸ Restyle…")
NAME = "velatura_krita"
SOURCES = "plugin_krita"
ENABLE_KEY = f"enable_{NAME}"
COMMENT = "\nComment="  # the key of the description in a .desktop file
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
    yet; the others only if they have been started once. Raises DiskTrouble if a kritarc cannot be read."""
    env = os.environ if env is None else env
    home = Path(env.get("HOME") or Path.home())
    if platform == "win32":
        roaming = Path(env.get("APPDATA") or home / "AppData/Roaming")
        local = Path(env.get("LOCALAPPDATA") or home / "AppData/Local")
        return [_with_configured_resources(KritaHome(EDITOR, roaming / "krita", local / "kritarc"))]
    if platform == "darwin":
        support = home / "Library/Application Support"  # not translated: a folder
        preferences = home / "Library/Preferences"
        return [_with_configured_resources(KritaHome(EDITOR, support / "krita", preferences / "kritarc"))]
    data = absolute_or_default(env.get("XDG_DATA_HOME"), home / ".local/share")
    config = absolute_or_default(env.get("XDG_CONFIG_HOME"), home / ".config")
    # Translators: which of several kinds of Krita: one from the distribution, or an AppImage.
    homes = [KritaHome(lazy_text("Krita (package or AppImage)"), data / "krita", config / "kritarc")]
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
def check(home: KritaHome) -> None:
    """Raise DiskTrouble for what would stop `install`, before anything is changed."""
    _read(home.config)
    check_plugin_folder(home.plugin)


def install(home: KritaHome) -> None:
    """Install and enable the plugin, replacing an older one completely. Raises DiskTrouble."""
    sources = plugin_sources(SOURCES)
    config = with_enabled(_read(home.config), "true")
    with as_disk_trouble(EDITOR, home.resources):
        replace_plugin(sources / NAME, home.plugin)
        replace_file(home.desktop, desktop_file())
        replace_file(home.action, (sources / f"{NAME}.action").read_bytes())
    _write(home.config, config)


def uninstall(home: KritaHome) -> bool:
    """Remove exactly what `install` created. Returns False if there was nothing. Raises DiskTrouble."""
    installed = [path for path in (home.plugin, home.desktop, home.action) if os.path.lexists(path)]
    config = _read(home.config)
    with as_disk_trouble(EDITOR, home.resources):
        for path in installed:
            remove(path)
    if _enabled_value(config) is not None:
        _write(home.config, with_enabled(config, None))
    return bool(installed)


def write_tree(root: Path) -> Path:
    """Write what Krita's plugin importer expects in a zip file. Returns the folder of the plugin in it."""
    sources = plugin_sources(SOURCES)
    write_plugin(sources / NAME, root / NAME)
    (root / "actions").mkdir()
    (root / f"{NAME}.desktop").write_bytes(desktop_file())
    shutil.copy(sources / f"{NAME}.action", root / "actions")
    return root / NAME


def desktop_file() -> bytes:
    """Return the file by which Krita lists the plugin, with its description in every language that there is a catalogue
    of. Raises VelaturaError."""
    plain = (plugin_sources(SOURCES) / f"{NAME}.desktop").read_text(encoding="utf-8")
    description = plain.partition(COMMENT)[2].partition("\n")[0]  # also the tooltip of the command Restyle
    lines = [plain.rstrip("\n")]
    for code in available_languages():
        with contextlib.suppress(OSError, ValueError):  # a damaged catalogue: Krita shows the English description
            translation = gettext.translation(DOMAIN, LOCALE, [code]).gettext(description)
            if translation != description:
                lines.append(f"Comment[{code}]={_in_desktop_file(translation)}")
    return ("\n".join(lines) + "\n").encode()


def _in_desktop_file(text: str) -> str:
    """A value in a .desktop file, which is one line and has escapes (Desktop Entry Specification, Possible value
    types)."""
    return " ".join(text.split()).replace("\\", "\\\\")


def write_zip(path: Path) -> None:
    """Write a file for Krita's plugin importer (Tools ▸ Scripts ▸ Import Python Plugin…). Raises UsageError,
    DiskTrouble."""
    if path.suffix.lower() != ".zip":
        raise UsageError(
            lazy_text("{name} must end in .zip, because Krita's importer accepts only such files.", name=path.name)
        )
    with tempfile.TemporaryDirectory() as folder:
        write_tree(Path(folder))
        try:
            write_users_file(path, lambda file: write_archive(Path(folder), file, int(time.time())))
        except OSError as error:
            raise DiskTrouble(
                lazy_text("{path} cannot be written ({why}). Choose another place.", path=path, why=error.strerror)
            ) from error


def state_of(home: KritaHome) -> PluginState:
    """Return the state of the plugin in one Krita, for `doctor`."""
    parts = [path.exists() for path in (home.plugin, home.desktop, home.action)]
    if not any(parts):
        return PluginState(False)
    if not all(parts):
        return PluginState(True, lazy_text("parts of the plugin are missing in {folder}", folder=home.resources))
    build = installed_build(home.plugin)
    if build != plugin_build(SOURCES, NAME):
        return PluginState(True, OTHER_VERSION)
    if _enabled_value(_read(home.config)) != "true":
        return PluginState(True, lazy_text("the plugin is disabled in {file}", file=home.config))
    return PluginState(True)


# --- kritarc -----------------------------------------------------------------------------------------
def with_enabled(config: str, value: str | None) -> str:
    """Return a kritarc with the plugin's key set to `value`, or removed if it is None. All other lines stay as they
    are, with their line ends."""
    end = "\r\n" if "\r\n" in config else "\n" if config else os.linesep
    lines = _lines(config)
    matches = [
        i for i, line in enumerate(lines) if re.match(rf"{ENABLE_KEY}\s*=", line) and _group(lines, i) == "[python]"
    ]
    new = f"{ENABLE_KEY}={value}{end}"
    if value is not None and matches:
        lines[matches[0]] = new
        matches = matches[1:]
    elif value is not None:
        group = next((index for index, line in enumerate(lines) if line.strip() == "[python]"), None)
        if group is None:
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += end
            lines += [end] * bool(lines and lines[-1].strip()) + [f"[python]{end}"]
            group = len(lines) - 1
        elif not lines[group].endswith("\n"):
            lines[group] += end
        lines.insert(group + 1, new)
    for index in reversed(matches):
        del lines[index]
    return "".join(lines)


def _lines(config: str) -> list[str]:
    """The lines with their ends. `str.splitlines` would also split a value at its other separators."""
    return re.findall(r"[^\n]*\n|[^\n]+", config)


def _enabled_value(config: str) -> str | None:
    lines = _lines(config)
    for index, line in enumerate(lines):
        name, _, value = line.partition("=")
        if name.strip() == ENABLE_KEY and _group(lines, index) == "[python]":
            return value.strip()
    return None


def _group(lines: list[str], index: int) -> str:
    return next((line.strip() for line in reversed(lines[:index]) if line.startswith("[")), "")


def _read(path: Path) -> str:
    """Raises DiskTrouble."""
    return read_users_file(path).decode("utf-8", "surrogateescape")


def _write(path: Path, text: str) -> None:
    """Write a text file atomically; a link, permissions and the owner stay as they are. Raises DiskTrouble."""
    data = text.encode("utf-8", "surrogateescape")
    try:
        make_folders(path.parent)
        write_users_file(path, lambda file: file.write(data))
    except OSError as error:
        raise DiskTrouble(
            lazy_text(
                "{path} cannot be written ({why}). Allow writing there, then run the command again.",
                path=path,
                why=error.strerror,
            )
        ) from error


def used_homes(homes: list[KritaHome]) -> Iterator[KritaHome]:
    """Those whose Krita has been started once, or that hold our plugin."""
    for home in homes:
        if home.resources.is_dir() or home.config.exists():
            yield home
