"""A home folder that has never seen Velatura, the files of a release, and a package index on this machine.

The index has small packages in place of Velatura's dependencies. Installed, they lead to those of this clone's own
environment, so that what was set up really restyles, without gigabytes.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.editors.editor_root import EditorRoot
from tests.editors.session import CLONE, EditorSession
from tests.editors.user_home import DRAWN_SAMPLES, draw_pictures
from tests.support.package_index import TinyIndex, in_files, wheel
from velatura.app_dirs import AppDirs, app_dirs
from velatura.setup.wheel import read_wheel
from velatura_daemon.models.vgg19 import FILE, PACKAGE, VERSION
from velatura_daemon.plugins import gimp, krita

TORCH_BYTES = 30_000_000  # enough to see the progress
PIP_CONF = "[global]\nindex-url = {index}\ntrusted-host = 127.0.0.1\nretries = 1\n"


@dataclass
class FreshHome:
    """release: the folder with its zips. index: what the user's pip.conf leads to, while he is online."""

    folder: Path
    release: Path
    index: TinyIndex

    @property
    def dirs(self) -> AppDirs:
        return app_dirs({"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder / "run")})

    def zip_for(self, editor: str) -> Path:
        (path,) = self.release.glob(f"velatura-{editor}-*.zip")
        return path

    def go_online(self, online: bool) -> None:
        """Without network, the index's port is closed."""
        conf = self.folder / ".config/pip/pip.conf"
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.write_text(PIP_CONF.format(index=self.index.url if online else f"http://127.0.0.1:{closed_port()}/"))

    def prepare(self, session: EditorSession) -> None:
        """Let the editor use the folders of any user. In a Debian root it finds no usable Python."""
        session.variables = {"VELATURA_HOME": ""}
        root = session.editor_root
        session.hidden = [] if root.is_this_machine else without_ensurepip(root)

    def install_python(self) -> None:
        """Give the user a Python that can load this clone's packages."""
        versions = self.folder / ".pyenv/versions"
        versions.mkdir(parents=True)
        (versions / platform.python_version()).symlink_to(sys.base_prefix)


def without_ensurepip(root: EditorRoot) -> list[str]:
    """The folders to hide so that no Python of the root can make environments, as on a Debian without python3-venv."""
    return [f"/{path.relative_to(root.root)}" for path in root.root.glob("usr/lib/python3*/ensurepip")]


@contextmanager
def fresh_home() -> Iterator[FreshHome]:
    """A home that is offline at first."""
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    release = folder / "Downloads"
    release.mkdir()
    index = TinyIndex(TORCH_BYTES)
    try:
        make_release(release)
        serve_needs(index, next(release.glob("*.whl")))
        draw_pictures(folder)
        home = FreshHome(folder, release, index)
        home.go_online(False)
        yield home
    finally:
        index.close()
        shutil.rmtree(folder, ignore_errors=True)


def make_release(folder: Path) -> None:
    """Make the wheel and both zips as `make release` does, with the samples that other tests have drawn."""
    spec = importlib.util.spec_from_file_location("release", CLONE / ".ci/release.py")
    assert spec is not None and spec.loader is not None
    release = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(release)
    drawn = app_dirs().cache / "samples"
    if DRAWN_SAMPLES.is_dir():
        shutil.copytree(DRAWN_SAMPLES, drawn, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    date = release.timestamp()
    (path,) = release.build_packages(folder, date).glob("*.whl")
    release.write_zip(folder / "velatura-krita-test.zip", krita.write_tree, path, date)
    release.write_zip(folder / "velatura-gimp-test.zip", gimp.write_tree, path, date)


def serve_needs(index: TinyIndex, velatura: Path) -> None:
    """Let the index have a package for each of Velatura's dependencies, of the version that is installed here."""
    here = f"{sysconfig.get_path('purelib')}\n".encode()
    data = bytes(range(256)) * (TORCH_BYTES // 256)
    for need in read_wheel(velatura).needs:
        name = need.split(">")[0].split("=")[0]
        version = importlib.metadata.version(name).partition("+")[0]
        files = {"torch_data": data, "this_clone.pth": here} if name == "torch" else {}
        if name == PACKAGE:
            assert version == VERSION
            files = {FILE: Path(str(importlib.metadata.distribution(PACKAGE).locate_file(FILE))).read_bytes()}
        index.packages[in_files(name)] = (version, wheel(name, version, files))


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
