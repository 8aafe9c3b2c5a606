"""A worker whose GPU is spoilt for good in the midst of its home's first job, by an index out of range on the device
itself: the device's own assertion fails, and all that this process asks of it afterwards does too. Real, and needs a
GPU."""

from __future__ import annotations

import torch

from velatura.app_dirs import app_dirs
from velatura_daemon.worker import process, restyle_job

SPOILT = app_dirs().cache / "spoilt"
AT_STEP = 2
stylise = restyle_job.stylise


def spoil() -> None:
    """Returns at once: nobody knows of it before the device is next waited for."""
    few = torch.zeros(4, device="cuda")
    few[torch.tensor([9], device="cuda")]


def stylise_and_spoil(*given, **more):
    for progress in stylise(*given, **more):
        if progress.step == AT_STEP and not SPOILT.exists():
            SPOILT.touch()
            spoil()
        yield progress


restyle_job.stylise = stylise_and_spoil
process.main()
