"""Home folders with the plugins installed, and the command line of their user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image

from tests.editors.reporting import say
from velatura.app_dirs import write_private_file
from velatura_daemon.samples import draw

# Drawing the sample styles takes a minute on a busy machine. Each version of them has a folder of its own.
DRAWN_SAMPLES = Path(tempfile.gettempdir()) / f"velatura-test-samples-{os.getuid()}"
VELATURA = Path(sys.executable).parent / "velatura"


def velatura(home: Path, *argv: str) -> str:
    """Runs the command line as the user with this home folder. Returns its standard output."""
    env = {**os.environ, "HOME": str(home), "VELATURA_HOME": str(home / "velatura"), "OMP_WAIT_POLICY": "passive"}
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        env.pop(name, None)
    done = subprocess.run([str(VELATURA), *argv], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def start_daemon(home: Path) -> None:
    """With checkpoints after a second, so that small restyles have one."""
    velatura(home, "daemon", "start", "--keep-seconds", "1")


def new_home() -> Path:
    """A new home folder with both plugins, installed as a user would, and with pictures to open."""
    home = Path(tempfile.mkdtemp(prefix="vel-"))
    (home / "run").mkdir(mode=0o700)
    drawn = home / "velatura/cache/samples"
    if DRAWN_SAMPLES.is_dir():
        shutil.copytree(DRAWN_SAMPLES, drawn, ignore=shutil.ignore_patterns(".*"))
    for editor in ("krita", "gimp"):
        say(f"installing the plugin: velatura install {editor}")
        velatura(home, "install", editor)
    keep_samples(drawn)
    draw_pictures(home)
    forget_choices(home)
    return home


def forget_choices(home: Path) -> None:
    """Makes the home that of a user who has chosen nothing yet, and whose daemon, which is not running, has kept nothing.

    Quick drafts are switched off: on two cores they would hold up the restyles that most tests wait for.
    """
    for editor in ("krita", "gimp"):
        write_private_file(home / f"velatura/config/window-{editor}.json", b'{"drafts": false}')
    for folder in ("velatura/config/presets", "velatura/state"):
        shutil.rmtree(home / folder, ignore_errors=True)
    for file in (home / ".config/GIMP/3.0/plug-in-settings").glob("*velatura*"):
        file.unlink()


def keep_samples(drawn: Path) -> None:
    """Copies each version of the samples to DRAWN_SAMPLES. Another process of the tests can do the same at once."""
    DRAWN_SAMPLES.mkdir(exist_ok=True)
    for version in drawn.iterdir():
        if not (DRAWN_SAMPLES / version.name).exists():
            copy = Path(tempfile.mkdtemp(prefix=".", dir=DRAWN_SAMPLES))
            shutil.copytree(version, copy, dirs_exist_ok=True)
            try:
                copy.rename(DRAWN_SAMPLES / version.name)
            except OSError:  # the other process was first
                shutil.rmtree(copy)


def draw_pictures(folder: Path) -> None:
    scene = draw("harbour_town", 256, 192)
    Image.fromarray(scene).save(folder / "harbour.png")
    Image.fromarray(draw("harbour_town", 960, 720)).save(folder / "large.png")
    Image.fromarray(scene).convert("L").save(folder / "grey.png")
    Image.fromarray(draw("harbour_town", 96, 72)).save(folder / "small.png")
    deep = (scene.astype(np.uint16) * 257) ^ np.uint16(5)  # so that the low bits matter
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(deep))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
