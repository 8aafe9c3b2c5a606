"""A worker that loses its GPU during its home's first job: an index out of range fails the device's own assertion, and
everything the process asks of the device afterwards fails too. A real fault, so it needs a GPU."""

from __future__ import annotations

import torch

from velatura.app_dirs import app_dirs
from velatura_daemon.worker import process, restyle_job

LOST_MARKER = app_dirs().cache / "device-lost"
AT_STEP = 2
stylise = restyle_job.stylise


def lose_device() -> None:
    """Returns at once: the failure shows when the device is next waited for."""
    few = torch.zeros(4, device="cuda")
    few[torch.tensor([9], device="cuda")]


def stylise_and_lose_device(*args, **kwargs):
    for progress in stylise(*args, **kwargs):
        if progress.step == AT_STEP and not LOST_MARKER.exists():
            LOST_MARKER.touch()
            lose_device()
        yield progress


restyle_job.stylise = stylise_and_lose_device
process.main()
