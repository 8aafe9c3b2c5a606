"""A worker is started so that its threads wait patiently and its memory stays while a job runs."""

from __future__ import annotations

import sys

import psutil
import pytest

from pastiche_daemon.allocation import give_memory_back
from pastiche_daemon.executors.environment import WORKER
from tests.conftest import QUICK, picture


@pytest.mark.skipif(sys.platform != "linux", reason="where the system's allocator and OpenMP are GNU's")
def test_the_worker_has_what_must_be_told_before_it_starts(warm):
    with warm.client() as client:
        client.restyle_and_wait(picture(seed=1), [(picture(seed=2), 1.0)], QUICK)
        environment = psutil.Process(client.status()["worker"]["pid"]).environ()
    assert {name: environment.get(name) for name in WORKER} == WORKER


def test_giving_memory_back_is_harmless_anywhere():
    give_memory_back()
