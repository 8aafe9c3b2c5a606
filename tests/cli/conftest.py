"""The command line under a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.conftest import Daemon

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(warm: Daemon) -> Run:
    """Runs `velatura …` under the module's home."""

    def call(*words: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "VELATURA_HOME": str(warm.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "velatura_daemon", *map(str, words)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)

    return call
