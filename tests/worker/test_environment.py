"""A worker is started so that its threads wait patiently and its memory stays while a job runs."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from tests.conftest import QUICK, picture
from velatura_daemon.engine.malloc import trim_heap
from velatura_daemon.worker.environment import WORKER


@pytest.mark.skipif(sys.platform != "linux", reason="where the system's allocator and OpenMP are GNU's")
def test_the_worker_has_the_environment_that_must_be_set_before_its_start(warm):
    with warm.client() as client:
        client.restyle_and_wait(picture(seed=1), [(picture(seed=2), 1.0)], QUICK)
        environment = psutil.Process(client.status()["worker"]["pid"]).environ()
    assert {name: environment.get(name) for name in WORKER} == WORKER


LARGE_TENSOR = """
import os, psutil, torch
from contextlib import nullcontext
from velatura_daemon.engine.malloc import keep_freed_blocks, mmap_large_blocks
kept = []
with keep_freed_blocks():
    pass  # tiles that were fallen back to: nothing is to be apart afterwards
for way in (nullcontext, mmap_large_blocks):
    with way():
        before = psutil.Process().memory_info().rss
        large, after_it = torch.ones(64 << 20, dtype=torch.uint8), torch.ones(1 << 20, dtype=torch.uint8)
        del large
        kept.append(psutil.Process().memory_info().rss - before > 32 << 20)
print(kept)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="where the system's allocator is GNU's")
def test_a_worker_reuses_small_blocks_of_memory_and_returns_those_of_a_large_picture():
    done = subprocess.run(
        [sys.executable, "-c", LARGE_TENSOR], env={**os.environ, **WORKER}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[True, False]"


def test_giving_memory_back_is_harmless_anywhere():
    trim_heap()
