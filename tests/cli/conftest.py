"""Runs the command line in a home folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Daemon
from tests.support.command_line import Run, with_halves


@pytest.fixture(scope="module")
def run(warm: Daemon) -> Run:
    """Return a function that runs `velatura …` in the module's home folder."""

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "VELATURA_HOME": str(warm.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "velatura_daemon", *map(str, arguments)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=400, check=False)

    return call


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Create a folder with a photo, a painting and a mask."""
    noise = np.random.default_rng(3)
    Image.fromarray(noise.integers(0, 256, (24, 32, 3), np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(noise.integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / "painting.png")
    mask = np.zeros((24, 32), np.uint8)
    mask[:, :16] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


@pytest.fixture
def halves(files: Path) -> Path:
    return with_halves(files)


@pytest.fixture
def large_halves(files: Path) -> Path:
    """72 × 96: in smaller pictures, the colours of a style take many more steps."""
    return with_halves(files, 3)
