"""The files bundled with a plugin: the `velatura` package, msgpack's pure-Python part, and the sample styles."""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgpack

import velatura
from velatura.app_dirs import app_dirs, make_private_folder
from velatura.build import CODE, build_of
from velatura.errors import VelaturaError
from velatura.i18n import lazy_text

SAMPLE_SIDE = 768  # pixels; all six paintings are about 6 MB
MOST_THREADS = 4  # that draw the samples; each needs some hundred megabytes
BUILD_FILE = "build.txt"
TRANSLATORS_FILES = ("*.po", "*.pot")  # .mo files are made from them


def plugin_sources(name: str) -> Path:
    """Return the folder with a plugin's files (name: 'plugin_krita'), inside the installed package or temporary it in a
    clone. Raises VelaturaError."""
    here = Path(__file__).parent
    for folder in (here / "files" / name, here.parents[2] / name):
        if folder.is_dir():
            return folder
    raise VelaturaError(lazy_text("This installation has no files for {name}. Reinstall Velatura.", name=name))


def plugin_build(name: str, package: str) -> str:
    """Return an identifier of exactly this plugin and the `velatura` package bundled with it, with its translations."""
    return build_of(plugin_sources(name) / package, Path(velatura.__file__).parent, patterns=(*CODE, "*.mo"))


def write_plugin(package: Path, to: Path) -> None:
    """Copy a plugin's package to the folder `to`, together with its bundled files. package: its folder in the
    sources."""
    not_carried = shutil.ignore_patterns("__pycache__", "*.pyc", "carried", *TRANSLATORS_FILES)
    shutil.copytree(package, to, ignore=not_carried)
    carried = to / "carried"
    shutil.copytree(Path(velatura.__file__).parent, carried / "lib" / "velatura", ignore=not_carried)
    _write_msgpack(carried / "fallback")
    _draw_samples(carried / "samples")
    (carried / BUILD_FILE).write_text(plugin_build(package.parent.name, package.name))


def is_plugin(folder: Path) -> bool:
    """Return whether `write_plugin` has written this folder, rather than somebody else."""
    return (folder / "carried" / BUILD_FILE).is_file()


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
        raise VelaturaError(
            lazy_text("The installed msgpack has no licence file. Run 'pip install --force-reinstall msgpack'.")
        )
    shutil.copy(str(licences[0].locate()), target / licences[0].name)


def _draw_samples(folder: Path) -> None:
    """Write the sample styles. Drawing them takes half a minute on two cores, so they are cached."""
    from PIL import Image

    from velatura_daemon import samples

    cached = app_dirs().cache / "samples" / f"{build_of(Path(samples.__file__).parent)}-{SAMPLE_SIDE}"
    if not cached.is_dir():
        make_private_folder(cached.parent)
        with tempfile.TemporaryDirectory(dir=cached.parent) as temporary:

            def draw(name: str) -> None:
                picture = Image.fromarray(samples.draw(name, SAMPLE_SIDE, SAMPLE_SIDE))
                picture.save(Path(temporary) / f"{name}.png", optimize=True)

            with ThreadPoolExecutor(MOST_THREADS) as pool:
                list(pool.map(draw, samples.PAINTINGS))  # raises what a thread has raised
            shutil.copytree(temporary, cached, dirs_exist_ok=True)
    shutil.copytree(cached, folder)
