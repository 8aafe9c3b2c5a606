"""The plugin with both PyQts, without Krita and without a screen. A PyQt that cannot be imported here is skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
BINDINGS = ("PyQt5", "PyQt6")
TIMEOUT = 120  # seconds

Run = Callable[..., str]


@pytest.fixture(scope="session", params=BINDINGS)
def qt(request: pytest.FixtureRequest) -> str:
    """The name of a PyQt that works here. Its wheels need libraries, such as libEGL, that a minimal system lacks."""
    name = str(request.param)
    done = _python(["-c", f"import {name}.QtWidgets, {name}.QtTest"], {})
    if done.returncode:
        pytest.skip(f"{name} cannot be used here: {done.stderr.strip().splitlines()[-1]}")
    return name


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a Python program that can import the plugin, in a home of its own. Returns what it prints."""

    def run(*argv: str) -> str:
        done = _python(argv, {"VELATURA_HOME": str(tmp_path / "velatura"), "HOME": str(tmp_path)}, tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _python(argv, env, cwd=None) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": f"{TREE / 'shared'}{os.pathsep}{TREE / 'plugin_krita'}",
        **env,
    }
    return subprocess.run([sys.executable, *argv], env=env, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT)
