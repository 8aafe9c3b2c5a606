"""Finds a file system with the real editors: this machine, if its versions are new enough, or a Debian root in a cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.debian_root import command_in, debian_root

SUITE = os.environ.get("VELATURA_EDITOR_SUITE", "")  # another Debian, for newer editors: forky, sid
DEFAULT_SUITE = "trixie"
PACKAGES = (
    "krita",
    "python3-pyqt5",
    "python3-pyqt6",  # one editor and its Python's Qt; Qt 6 only to test the window
    "gimp",
    "gimp-data",
    "python3-gi",
    "python3-gi-cairo",
    "gir1.2-gtk-3.0",  # the other editor
    "python3-zmq",
    "python3-msgpack",  # optional dependencies of the plugins
    "xvfb",
    "xdotool",
    "imagemagick",
    "openbox",  # a screen, keyboard and mouse, screenshots, a window manager
    "fonts-dejavu-core",
    "fonts-noto-core",
    "krita-l10n",
    "locales-all",
    "fonts-noto-cjk",  # the editors in other languages; GIMP's translations are in gimp-data
)
TOOLS = ("krita", "gimp", "gimp-console", "Xvfb", "xdotool", "import", "openbox")
MIN_VERSIONS = {"krita": (5, 2), "gimp": (3, 0)}


@dataclass(frozen=True)
class EditorRoot:
    """root: the root folder of the file system that the editors are installed in."""

    root: Path

    @property
    def is_this_machine(self) -> bool:
        return self.root == Path("/")

    def folders_of(self, *packages: str) -> list[str]:
        """The folders of these packages in the editors' Python, so that they can be hidden."""
        folders = [f"/usr/lib/python3/dist-packages/{name}" for name in packages]
        return [folder for folder in folders if (self.root / folder[1:]).is_dir()]

    def command(
        self, argv: Sequence[str], env: Mapping[str, str], *, shared: Sequence[Path] = (), hidden: Sequence[str] = ()
    ) -> list[str]:
        """The command that runs argv in this root; see `command_in`."""
        return command_in(None if self.is_this_machine else self.root, argv, env, shared=shared, hidden=hidden)


def find_or_create(say: Callable[[str], object] = print) -> EditorRoot:
    """A root with Krita 5.2 and GIMP 3 or newer. Raises RuntimeError, which says what to install, if there is none.

    VELATURA_EDITOR_SUITE: the Debian suite whose editors are used, also if this machine has some.
    """
    if not SUITE and _fits_here():
        return EditorRoot(Path("/"))
    try:
        return EditorRoot(
            debian_root(SUITE or DEFAULT_SUITE, PACKAGES, "with Krita and GIMP (2 GB, one to five minutes)", say)
        )
    except RuntimeError as error:
        raise RuntimeError(
            f"These tests need Krita 5.2, GIMP 3, Xvfb, xdotool, openbox and ImageMagick on this machine; {error}."
        ) from error


def _fits_here() -> bool:
    return all(shutil.which(tool) for tool in TOOLS) and all(
        _version(editor) >= minimum for editor, minimum in MIN_VERSIONS.items()
    )


def _version(editor: str) -> tuple[int, int]:
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    output = subprocess.run([editor, "--version"], capture_output=True, text=True, env=env).stdout
    version = re.search(r"(\d+)\.(\d+)", output)
    return (int(version[1]), int(version[2])) if version else (0, 0)
