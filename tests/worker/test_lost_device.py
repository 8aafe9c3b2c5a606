"""A device that is lost, simulated: no card is reset here. (tests/engine/test_gpu.py spoils a real one, where there is
one.)"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from velatura.pixels import PictureRef, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.executors.local import _cause_of_death
from velatura_daemon.jobs.commands import WorkerOptions
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec, PictureFile, StyleInput
from velatura_daemon.worker import process as module
from velatura_daemon.worker.pipe import DEVICE_LOST
from velatura_daemon.worker.process import Worker

PICTURE = PictureFile(PictureRef(bytes(32), 8, 8, PixelFormat("RGB", "u8"), b""), Path("none"))
SPEC = JobSpec("t", "layer", PICTURE, (StyleInput(PICTURE, 1.0),), None, StyleSettings())
REQUEST = EstimateRequest("t", 8, 8, StyleSettings())


class Ended(BaseException):
    """What os._exit does to a process."""


@pytest.fixture
def worker(monkeypatch, home) -> Worker:
    monkeypatch.setenv("VELATURA_HOME", str(home))

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    return Worker(io.BytesIO(), WorkerOptions("cpu", 0, 0, 1, 64, 1.0, 5.0))


def failing_with(worker: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(worker, "model_for", fail)


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: unspecified launch failure",
        "HIP error: the operation cannot be performed in the present state",
        "level_zero backend failed with error: 20 (UR_RESULT_ERROR_DEVICE_LOST)",
    ],
)
@pytest.mark.parametrize(("method", "given"), [("run", SPEC), ("estimate", REQUEST)])
def test_a_worker_whose_device_is_lost_leaves_with_a_code_of_its_own(worker, monkeypatch, method, given, message):
    failing_with(worker, monkeypatch, RuntimeError(message))
    with pytest.raises(Ended) as end:
        getattr(worker, method)(given)
    assert end.value.args == (DEVICE_LOST,)
    assert "driver was reset" in _cause_of_death(DEVICE_LOST)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a fault of ours"),
        module.torch.OutOfMemoryError("CUDA error: out of memory"),
        RuntimeError("HIP error: out of memory"),
        RuntimeError("level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)"),
    ],
)
def test_other_errors_fail_only_the_job(worker, monkeypatch, error):
    failing_with(worker, monkeypatch, error)
    worker.run(SPEC)
    assert b"JobFailed" in worker._out.getvalue()
