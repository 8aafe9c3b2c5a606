"""The files bundled with a plugin: the `velatura` package, msgpack's pure-Python part, and the sample styles."""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
from pathlib import Path

import msgpack

import velatura
from velatura.app_dirs import app_dirs, make_private_folder
from velatura.build import build_of
from velatura.errors import VelaturaError

SAMPLE_SIDE = 448  # pixels
BUILD_FILE = "build.txt"
MANUAL = "Manual.html"  # the name that Krita's plugin manager looks for


def plugin_sources(name: str) -> Path:
    """Return the folder with a plugin's files (name: 'plugin_krita'), inside the installed package or temporary it in a
    clone. Raises VelaturaError."""
    here = Path(__file__).parent
    for folder in (here / "files" / name, here.parents[2] / name):
        if folder.is_dir():
            return folder
    raise VelaturaError(f"This installation has no files for {name}. Reinstall Velatura.")


def plugin_build(name: str, package: str) -> str:
    """Return an identifier of exactly this plugin and the `velatura` package bundled with it."""
    return build_of(plugin_sources(name) / package, Path(velatura.__file__).parent)


def write_plugin(package: Path, to: Path) -> None:
    """Copy a plugin's package to the folder `to`, together with its bundled files. package: its folder in the
    sources."""
    no_caches = shutil.ignore_patterns("__pycache__", "*.pyc", "carried")
    shutil.copytree(package, to, ignore=no_caches)
    carried = to / "carried"
    shutil.copytree(Path(velatura.__file__).parent, carried / "lib" / "velatura", ignore=no_caches)
    shutil.copy(Path(velatura.__file__).parent / "editor" / "manual.html", to / MANUAL)
    _write_msgpack(carried / "fallback")
    _draw_samples(carried / "samples")
    (carried / BUILD_FILE).write_text(plugin_build(package.parent.name, package.name))


def installed_build(plugin: Path) -> str:
    """Return the build of an installed plugin, or ''."""
    try:
        return (plugin / "carried" / BUILD_FILE).read_text().strip()
    except OSError:
        return ""


def _write_msgpack(folder: Path) -> None:
    """Copy msgpack's Python files and its licence. Without its compiled part, msgpack uses its pure-Python
    implementation."""
    source, target = Path(msgpack.__file__).parent, folder / "msgpack"
    target.mkdir(parents=True)
    for file in sorted(source.glob("*.py")):
        shutil.copy(file, target)
    licences = [f for f in importlib.metadata.files("msgpack") or [] if f.name in ("COPYING", "LICENSE")]
    if not licences:
        raise VelaturaError("The installed msgpack has no licence file. Run 'pip install --force-reinstall msgpack'.")
    shutil.copy(str(licences[0].locate()), target / licences[0].name)


def _draw_samples(folder: Path) -> None:
    """Write the sample styles. Drawing them takes some seconds, so they are cached."""
    from PIL import Image

    from velatura_daemon import samples

    cached = app_dirs().cache / "samples" / f"{build_of(Path(samples.__file__).parent)}-{SAMPLE_SIDE}"
    if not cached.is_dir():
        make_private_folder(cached.parent)
        with tempfile.TemporaryDirectory(dir=cached.parent) as temporary:
            for name in samples.PAINTINGS:
                Image.fromarray(samples.draw(name, SAMPLE_SIDE, SAMPLE_SIDE)).save(Path(temporary) / f"{name}.png")
            shutil.copytree(temporary, cached, dirs_exist_ok=True)
    shutil.copytree(cached, folder)
