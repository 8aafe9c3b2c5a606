"""A device that is lost, simulated: no card is reset here. (tests/engine/test_gpu.py spoils a real one, where there is
one.)"""

from __future__ import annotations

import io
import os
from typing import Any

import pytest

from velatura_daemon.executors.local import _how
from velatura_daemon.worker import process as module
from velatura_daemon.worker.pipe import DEVICE_LOST
from velatura_daemon.worker.process import Worker

OPTIONS = {
    "device": "cpu",
    "cache_megabytes": 1,
    "memory_megabytes": 0,
    "preview_seconds": 1,
    "preview_side": 64,
    "keep_seconds": 5,
}


class Ended(BaseException):
    """What os._exit does to a process."""


@pytest.fixture
def worker(monkeypatch, home) -> Worker:
    monkeypatch.setenv("VELATURA_HOME", str(home))

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    return Worker(io.BytesIO(), OPTIONS)


def failing_with(worker: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(job: dict[str, Any]) -> None:
        raise error

    monkeypatch.setattr(worker, "network_for", fail)


@pytest.mark.parametrize("order", ["work", "estimate"])
def test_a_worker_whose_device_is_lost_leaves_with_a_code_of_its_own(worker, monkeypatch, order):
    failing_with(worker, monkeypatch, RuntimeError("CUDA error: unspecified launch failure"))
    with pytest.raises(Ended) as end:
        getattr(worker, order)({"job": "j", "ticket": "t", "settings": {}})
    assert end.value.args == (DEVICE_LOST,)
    assert "driver was reset" in _how(DEVICE_LOST)


@pytest.mark.parametrize(
    "error", [RuntimeError("a fault of ours"), module.torch.OutOfMemoryError("CUDA error: out of memory")]
)
def test_other_errors_cost_the_job_alone(worker, monkeypatch, error):
    failing_with(worker, monkeypatch, error)
    worker.work({"job": "j", "settings": {}})
    assert b"failed" in worker._out.getvalue()
