"""A place with the real editors: this machine, if it has both in fitting versions, or a Debian root in a cache folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.debian_root import command_in, debian_root

SUITE = "trixie"
PACKAGES = (
    "krita",
    "python3-pyqt5",
    "python3-pyqt6",  # an editor and its Python's Qt; Qt 6 for the window alone
    "gimp",
    "gimp-data",
    "python3-gi",
    "python3-gi-cairo",
    "gir1.2-gtk-3.0",  # the other one
    "python3-zmq",
    "python3-msgpack",  # what users may have beside them
    "xvfb",
    "xdotool",
    "imagemagick",
    "openbox",  # a screen, hands, eyes, and someone who manages windows
    "fonts-dejavu-core",
    "fonts-noto-core",
)
TOOLS = ("krita", "gimp", "gimp-console", "Xvfb", "xdotool", "import", "openbox")
LEAST = {"krita": (5, 2), "gimp": (3, 0)}


@dataclass(frozen=True)
class Place:
    """root: where the editor's file system begins."""

    root: Path

    @property
    def is_this_machine(self) -> bool:
        return self.root == Path("/")

    def folders_of(self, *packages: str) -> list[str]:
        """Where the editors' Python has these, to hide them."""
        folders = [f"/usr/lib/python3/dist-packages/{name}" for name in packages]
        return [folder for folder in folders if (self.root / folder[1:]).is_dir()]

    def command(
        self, argv: Sequence[str], env: Mapping[str, str], *, shared: Sequence[Path] = (), hidden: Sequence[str] = ()
    ) -> list[str]:
        """What runs argv in this place: see `command_in`."""
        return command_in(None if self.is_this_machine else self.root, argv, env, shared=shared, hidden=hidden)


def find_or_make(say: Callable[[str], object] = print) -> Place:
    """A place with Krita 5.2 and GIMP 3 or newer. Raises RuntimeError with what to do if none can be made."""
    if _fits_here():
        return Place(Path("/"))
    try:
        return Place(debian_root(SUITE, PACKAGES, "with Krita and GIMP (2 GB, one to five minutes)", say))
    except RuntimeError as error:
        raise RuntimeError(
            f"These tests need Krita 5.2, GIMP 3, Xvfb, xdotool, openbox and ImageMagick on this machine; {error}."
        ) from error


def _fits_here() -> bool:
    return all(shutil.which(tool) for tool in TOOLS) and all(
        _version(editor) >= least for editor, least in LEAST.items()
    )


def _version(editor: str) -> tuple[int, int]:
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    said = re.search(
        r"(\d+)\.(\d+)", subprocess.run([editor, "--version"], capture_output=True, text=True, env=env).stdout
    )
    return (int(said[1]), int(said[2])) if said else (0, 0)
