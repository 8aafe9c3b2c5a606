"""What a plugin carries along: `velatura` itself, msgpack's pure-Python part, the sample styles."""

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


def plugin_sources(name: str) -> Path:
    """The folder with a plugin's files ('plugin_krita'): inside the installed package, or beside it in a clone.
    Raises VelaturaError."""
    here = Path(__file__).parent
    for folder in (here / "files" / name, here.parents[2] / name):
        if folder.is_dir():
            return folder
    raise VelaturaError(f"The files of {name} are not in this installation. Install Velatura again.")


def plugin_build(name: str, package: str) -> str:
    """A name for exactly this plugin and what it carries of ours."""
    return build_of(plugin_sources(name) / package, Path(velatura.__file__).parent)


def write_plugin(package: Path, to: Path) -> None:
    """Copy a plugin's package to the folder `to`, with all that it carries. package: its folder in the sources."""
    no_caches = shutil.ignore_patterns("__pycache__", "*.pyc", "carried")
    shutil.copytree(package, to, ignore=no_caches)
    carried = to / "carried"
    shutil.copytree(Path(velatura.__file__).parent, carried / "lib" / "velatura", ignore=no_caches)
    _write_msgpack(carried / "fallback")
    _draw_samples(carried / "samples")
    (carried / BUILD_FILE).write_text(plugin_build(package.parent.name, package.name))


def installed_build(plugin: Path) -> str:
    """The build of an installed plugin, or empty."""
    try:
        return (plugin / "carried" / BUILD_FILE).read_text().strip()
    except OSError:
        return ""


def _write_msgpack(folder: Path) -> None:
    """msgpack's Python files; without its compiled part it uses its own pure-Python one. Its licence goes along."""
    source, target = Path(msgpack.__file__).parent, folder / "msgpack"
    target.mkdir(parents=True)
    for file in sorted(source.glob("*.py")):
        shutil.copy(file, target)
    licences = [f for f in importlib.metadata.files("msgpack") or [] if f.name in ("COPYING", "LICENSE")]
    if not licences:
        raise VelaturaError(
            "The installed msgpack has no licence file with it. Run 'pip install --force-reinstall msgpack'."
        )
    shutil.copy(str(licences[0].locate()), target / licences[0].name)


def _draw_samples(folder: Path) -> None:
    """The sample styles; drawn once and kept in the cache, they take some seconds."""
    from PIL import Image

    from velatura_daemon import samples

    kept = app_dirs().cache / "samples" / f"{build_of(Path(samples.__file__).parent)}-{SAMPLE_SIDE}"
    if not kept.is_dir():
        make_private_folder(kept.parent)
        with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
            for name in samples.PAINTINGS:
                Image.fromarray(samples.draw(name, SAMPLE_SIDE, SAMPLE_SIDE)).save(Path(beside) / f"{name}.png")
            shutil.copytree(beside, kept, dirs_exist_ok=True)
    shutil.copytree(kept, folder)
