"""What an editor's sandbox (Flatpak, Snap) lets the plugin do: whether it may start the daemon outside, and reach it.

An AppImage is no sandbox: its programs run as any other, with an environment of its own (`environment`).
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from velatura import strings
from velatura.app_dirs import AppDirs, app_dirs, snap_home
from velatura.errors import DaemonNotRunning, SandboxHidesFiles, SandboxOffline

FLATPAK_INFO = Path("/.flatpak-info")  # in every Flatpak, with its permissions
FLATPAK, SNAP = "Flatpak", "Snap"  # not translated: names
HOST_COMMANDS = "org.freedesktop.Flatpak"  # the D-Bus name through which a Flatpak may start programs outside
PASSED_ON = "VELATURA_HOME"  # the only variable that a daemon outside needs from in here
# Flatpak's names for folders of the user: the variable that moves each of them, and its default in the home folder.
BASE_FOLDERS = {
    "xdg-cache": ("XDG_CACHE_HOME", ".cache"),
    "xdg-config": ("XDG_CONFIG_HOME", ".config"),
    "xdg-data": ("XDG_DATA_HOME", ".local/share"),
}
# These are set in the file user-dirs.dirs, not in the environment.
USER_FOLDERS = {  # not translated: names of folders
    "xdg-desktop": ("XDG_DESKTOP_DIR", "Desktop"),
    "xdg-documents": ("XDG_DOCUMENTS_DIR", "Documents"),
    "xdg-download": ("XDG_DOWNLOAD_DIR", "Downloads"),
    "xdg-music": ("XDG_MUSIC_DIR", "Music"),
    "xdg-pictures": ("XDG_PICTURES_DIR", "Pictures"),
    "xdg-public-share": ("XDG_PUBLICSHARE_DIR", "Public"),
    "xdg-templates": ("XDG_TEMPLATES_DIR", "Templates"),
    "xdg-videos": ("XDG_VIDEOS_DIR", "Videos"),
}


@dataclass(frozen=True)
class Sandbox:
    """The sandbox that this program runs in.

    Attributes:
        kind: FLATPAK or SNAP.
        app: Its name, such as org.kde.krita.
        starts_outside: Whether it may start programs outside.
        has_network: Whether a port of 127.0.0.1 outside can be reached.
        sees_files: Whether it sees the user's Velatura folders.
        home: VELATURA_HOME of a daemon that can be reached from inside; empty if that is the user's usual one.
    """

    kind: str
    app: str
    starts_outside: bool = False
    has_network: bool = True
    sees_files: bool = True
    home: str = ""

    def command_outside(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> list[str]:
        """Return the command that runs another one outside, if `starts_outside`.

        Args:
            command: Program and arguments.
            env: Environment variables of this program.
            folder: Where it starts.

        Returns:
            Program and arguments.
        """
        passed_on = [f"--env={PASSED_ON}={env[PASSED_ON]}"] if env.get(PASSED_ON) else []
        return ["flatpak-spawn", "--host", f"--directory={folder}", *passed_on, *command]

    def terminal_command(self, command: str) -> str:
        """Return what to type in a terminal outside for a command of Velatura."""
        return f"{PASSED_ON}={shlex.quote(self.home)} {command}" if self.home else command

    @property
    def network_command(self) -> str:  # not translated: commands
        """The command that lets this sandbox use the network."""
        if self.kind == SNAP:
            return f"sudo snap connect {self.app}:network"
        return f"flatpak override --user --share=network {self.app}"

    def files_command(self, dirs: AppDirs) -> str:  # not translated: a command
        """The command that lets this sandbox see Velatura's folders."""
        folders = " ".join(f"--filesystem={shlex.quote(f'{folder}:create')}" for folder in (dirs.state, dirs.config))
        return f"flatpak override --user {folders} {self.app}"

    def cannot_start(self, command: str) -> DaemonNotRunning:
        """The error if no daemon runs and none can be started. command: starts one from a terminal."""
        sentence = strings.SANDBOXED_SNAP if self.kind == SNAP else strings.SANDBOXED
        return DaemonNotRunning(sentence.format(command=command))

    def hides_files(self, dirs: AppDirs) -> SandboxHidesFiles:
        """The error if the plugin cannot find a daemon, whether or not one runs."""
        return SandboxHidesFiles(strings.SANDBOX_HIDES_FILES.format(command=self.files_command(dirs)))

    def is_offline(self) -> SandboxOffline:
        """The error if a daemon runs but cannot be reached without network."""
        return SandboxOffline(strings.SANDBOX_OFFLINE.format(command=self.network_command))


def find_sandbox(
    env: Mapping[str, str] | None = None, flatpak_info: Path = FLATPAK_INFO, dirs: AppDirs | None = None
) -> Sandbox | None:
    """Return the sandbox that this program runs in.

    Args:
        env: Environment variables, by default the process's own.
        flatpak_info: The file with a Flatpak's permissions.
        dirs: The folders that it has to see, by default the user's.

    Returns:
        The sandbox; None outside of one.
    """
    env = os.environ if env is None else env
    try:
        return _flatpak(flatpak_info.read_text(), dirs or app_dirs(env), env)
    except (OSError, ValueError, configparser.Error):
        pass
    if env.get("FLATPAK_ID"):
        return Sandbox(FLATPAK, env["FLATPAK_ID"])
    home = snap_home(env)
    return Sandbox(SNAP, env.get("SNAP_NAME", ""), home=home) if home else None


def _flatpak(info: str, dirs: AppDirs, env: Mapping[str, str]) -> Sandbox:  # not translated: fields of a file
    """The sandbox with the permissions in /.flatpak-info. Raises configparser.Error."""
    fields = configparser.ConfigParser(strict=False, interpolation=None)
    fields.read_string(info)
    shared = fields.get("Context", "shared", fallback="").split(";")
    folders = [
        entry.rpartition(":")[0] or entry for entry in fields.get("Context", "filesystems", fallback="").split(";")
    ]
    return Sandbox(
        FLATPAK,
        fields.get("Application", "name", fallback=""),
        starts_outside=fields.get("Session Bus Policy", HOST_COMMANDS, fallback="") in ("talk", "own"),
        has_network="network" in shared,
        sees_files=any(_is_shared(dirs.state, entry, env) for entry in folders),
    )


def _is_shared(folder: Path, entry: str, env: Mapping[str, str]) -> bool:
    """Whether a folder is in what Flatpak shares. entry: such as host, home, ~/.local, xdg-documents/art or /data."""
    if entry in ("host", "home", "~"):
        return True
    name, _, below = entry.partition("/")
    named = _named_folder(name, env)
    shared = named / below if named is not None else Path(entry).expanduser()
    return shared.is_absolute() and folder.is_relative_to(shared)


def _named_folder(name: str, env: Mapping[str, str]) -> Path | None:
    """The user's folder outside the sandbox that Flatpak calls by this name; None if it is not such a name."""
    home = Path(env.get("HOME") or Path.home())
    if name in BASE_FOLDERS:
        variable, default = BASE_FOLDERS[name]
        return home / (env.get(f"HOST_{variable}") or default)
    if name in USER_FOLDERS:
        variable, default = USER_FOLDERS[name]
        return home / _user_folders(home, env).get(variable, default)
    return None


def _user_folders(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The folders that user-dirs.dirs names, by variable. Flatpak copies the file into the sandbox."""
    try:
        lines = (Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "user-dirs.dirs").read_text()
    except (OSError, ValueError):
        return {}
    found = re.findall(r'^\s*(XDG_\w+_DIR)\s*=\s*"(.*)"', lines, re.MULTILINE)
    return {variable: folder.replace("$HOME", str(home), 1) for variable, folder in found}
