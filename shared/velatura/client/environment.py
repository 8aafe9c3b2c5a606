"""The environment of the processes that an editor's plugin starts: the user's, without what the editor set for itself.

Editors and their packages (AppImage, Snap, Flatpak, macOS and Windows bundles) set variables so that they find their
own Python, libraries, Qt and GTK. A daemon that inherits them loads the editor's files instead of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath, PureWindowsPath

EDITORS_OWN = frozenset(
    (
        "__PYVENV_LAUNCHER__",  # macOS: makes a Python take another one for itself
        "GI_TYPELIB_PATH",
        "GDK_PIXBUF_MODULE_FILE",
        "GDK_PIXBUF_MODULEDIR",
        "GSETTINGS_SCHEMA_DIR",
        "QT_PLUGIN_PATH",
        "QT_QPA_PLATFORM_PLUGIN_PATH",
        "APPDIR",
        "APPIMAGE",
        "ARGV0",  # of an AppImage, as the next one: the folder it was started in
        "OWD",
        "FLATPAK",
        "FLATPAK_ID",
        "SNAP",
        "BABL_PATH",
        "GEGL_PATH",
    )
)
EDITORS_OWN_PREFIXES = ("PYTHON", "LD_", "DYLD_", "GTK_", "GIO_", "QML", "FONTCONFIG_", "SNAP_", "GIMP2_", "GIMP3_")
SEARCH_PATHS = ("PATH", "XDG_DATA_DIRS")  # entries inside the editor's package are dropped, the others stay
ORIGINAL = "_ORIG"  # AppImages save a variable that they change under its name with this suffix


def clean_environment(
    env: Mapping[str, str], program: str = "", *, platform: str = sys.platform, executable: str = sys.executable
) -> dict[str, str]:
    """Return the environment without what an editor set for itself; everything else is unchanged.

    Args:
        env: Normally os.environ.
        program: Absolute path of the program to start; the folder that it belongs to stays on PATH.
        platform: As sys.platform.
        executable: The program that runs this code, from which the editor's folder on Windows and macOS is known.

    Returns:
        A new environment.
    """
    folders = _package_folders(env, program, platform, executable)
    originals = _originals(env, platform)
    clean = {}
    for name, value in env.items():
        if (name.removesuffix(ORIGINAL) in originals and name.endswith(ORIGINAL)) or _is_editors_own(name, platform):
            continue
        if folders and _same(name, platform) in SEARCH_PATHS:
            value = _without(folders, originals.get(name) or value, platform)
            if not value:
                continue
        clean[name] = value
    restored = {name: _without(folders, value, platform) for name, value in originals.items() if name not in clean}
    return clean | {name: value for name, value in restored.items() if value}


def _originals(env: Mapping[str, str], platform: str) -> dict[str, str]:
    """What the variables that an AppImage changed were before. Others may have a NAME_ORIG of their own: it stays."""
    if not (env.get("APPDIR") or env.get("APPIMAGE")):
        return {}
    saved = {name.removesuffix(ORIGINAL): value for name, value in env.items() if name.endswith(ORIGINAL)}
    return {name: value for name, value in saved.items() if name in SEARCH_PATHS or _is_editors_own(name, platform)}


def _is_editors_own(name: str, platform: str) -> bool:
    name = _same(name, platform)
    return name in EDITORS_OWN or name.startswith(EDITORS_OWN_PREFIXES)


def _same(name: str, platform: str) -> str:
    """Names of variables are case-insensitive on Windows."""
    return name.upper() if platform == "win32" else name


def _package_folders(env: Mapping[str, str], program: str, platform: str, executable: str) -> list[PurePath]:
    """The folders that the editor's package consists of, except one that the program to be started belongs to."""
    path = _path_type(platform)
    folders = [path(env[name]) for name in ("APPDIR", "SNAP") if env.get(name)]
    if env.get("FLATPAK_ID"):
        folders.append(path("/app"))
    if executable and platform == "win32":
        folder = path(executable).parent
        folders.append(folder.parent if folder.name.lower() == "bin" else folder)
    if executable and platform == "darwin":
        folders += [each for each in path(executable).parents if each.suffix == ".app"]
    return [
        each
        for each in folders
        if each.is_absolute() and each != each.parent and not (program and path(program).is_relative_to(each))
    ]


def _without(folders: list[PurePath], search_path: str, platform: str) -> str:
    """The search path without the entries inside these folders."""
    separator = ";" if platform == "win32" else ":"
    kept = [entry for entry in search_path.split(separator) if not _is_inside(folders, entry, platform)]
    return separator.join(kept)


def _is_inside(folders: list[PurePath], entry: str, platform: str) -> bool:
    path = _path_type(platform)(entry.strip('"'))
    return any(path.is_relative_to(folder) for folder in folders)


def _path_type(platform: str) -> type[PurePath]:
    return PureWindowsPath if platform == "win32" else PurePosixPath
