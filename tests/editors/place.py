"""A place with the real editors: this machine, where it has both in fitting versions, or a Debian root in a cache folder.

The root lies outside the clone, named by what is in it, made as `.tmp` and renamed, so that a half-made one is never
taken for whole. What runs in it runs in mount and process namespaces of its own: when it ends, however it ends,
nothing is left mounted and nothing left running.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUITE = "trixie"
PACKAGES = (
    "krita", "python3-pyqt5", "python3-pyqt6",  # an editor and its Python's Qt; Qt 6 for the window alone
    "gimp", "gimp-data", "python3-gi", "python3-gi-cairo", "gir1.2-gtk-3.0",  # the other one
    "python3-zmq", "python3-msgpack",  # what users may have beside them
    "xvfb", "xdotool", "imagemagick", "openbox",  # a screen, hands, eyes, and someone who manages windows
    "fonts-dejavu-core", "fonts-noto-core",
)  # fmt: skip
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

    def command(self, argv: Sequence[str], env: Mapping[str, str], *, shared: Sequence[Path] = (),
                hidden: Sequence[str] = ()) -> list[str]:  # fmt: skip
        """What runs argv in this place, with this environment and no other. shared: folders of this machine that are
        seen there at their own paths. hidden: folders of the place that are empty while it runs."""
        inside = ["env", "-i", *(f"{name}={value}" for name, value in env.items()), *argv]
        root = "" if self.is_this_machine else str(self.root)
        lines = ["set -e"]
        if root:
            lines += [f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev",
                      f"mount -t tmpfs tmpfs {root}/dev/shm", f"mount -t tmpfs tmpfs {root}/tmp"]  # fmt: skip
            lines += [f"mkdir -p {root}{path}; mount --rbind {path} {root}{path}" for path in map(str, shared)]
        lines += [f"mount -t tmpfs tmpfs {root}{path}" for path in hidden]
        lines += [f'exec chroot {root} "$@"' if root else 'exec "$@"']
        return ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", "\n".join(lines), "sh", *inside]


def find_or_make(say: object = print) -> Place:
    """A place with Krita 5.2 and GIMP 3 or newer. Raises RuntimeError with what to do where none can be made."""
    if _fits_here():
        return Place(Path("/"))
    name = hashlib.sha256("\n".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velatura-editors"
    root = cache / f"{SUITE}-{name}"
    if root.is_dir():
        return Place(root)
    if os.geteuid() != 0:
        raise RuntimeError(
            "These tests need Krita 5.2, GIMP 3, Xvfb, xdotool, openbox and ImageMagick on this machine, or root to make a Debian root with them."
        )
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once make one
        if not root.is_dir():
            say(f"making a Debian {SUITE} with Krita and GIMP in {root}: 2 GB, one to five minutes")  # type: ignore[operator]
            _make(root)
    return Place(root)


def _fits_here() -> bool:
    return all(shutil.which(tool) for tool in TOOLS) and all(_version(editor) >= least for editor, least in LEAST.items())


def _version(editor: str) -> tuple[int, int]:
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    said = re.search(r"(\d+)\.(\d+)", subprocess.run([editor, "--version"], capture_output=True, text=True, env=env).stdout)
    return (int(said[1]), int(said[2])) if said else (0, 0)


def _make(root: Path) -> None:
    if shutil.which("debootstrap") is None:
        _quietly("apt-get", "update")
        _quietly("apt-get", "install", "-y", "--no-install-recommends", "debootstrap")
    half = root.with_name(root.name + ".tmp")
    shutil.rmtree(half, ignore_errors=True)
    _quietly("debootstrap", "--variant=minbase", SUITE, str(half))
    forbid = half / "usr/sbin/policy-rc.d"  # no service starts in there
    forbid.write_text("#!/bin/sh\nexit 101\n")
    forbid.chmod(0o755)
    _quietly("chroot", str(half), "apt-get", "update")
    _quietly("chroot", str(half), "apt-get", "install", "-y", "--no-install-recommends", *PACKAGES)
    _quietly("chroot", str(half), "apt-get", "clean")
    half.rename(root)


def _quietly(*argv: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"'{' '.join(argv[:4])} …' failed:\n{done.stdout[-2000:]}")
