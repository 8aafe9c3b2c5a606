"""Runs restyle jobs of the worker in this process, on pictures in files, and records their events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from velatura.pixels import CHANNELS, Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.network import Network
from velatura_daemon.imaging.colour_io import DTYPES, WHOLE
from velatura_daemon.jobs.commands import WorkerOptions
from velatura_daemon.jobs.events import JobDone, JobStopped, WorkerEvent
from velatura_daemon.jobs.spec import JobSpec, OutputPaths, PictureFile, StartingImage, StyleInput
from velatura_daemon.memory_plan import UNLIMITED
from velatura_daemon.models.store import Weights
from velatura_daemon.worker.estimates import Estimates
from velatura_daemon.worker.model_cache import LoadedModel
from velatura_daemon.worker.restyle_job import JobResources, restyle

Array = np.ndarray[Any, Any]
CPU = torch.device("cpu")
HEIGHT, WIDTH = 24, 40


class Recorder:
    """An event sink that records all events. cancelled: tickets of cancelled jobs."""

    def __init__(self, cancelled: Any = ()) -> None:
        self.options = WorkerOptions("cpu", 0, 0, 256, preview_side=20, preview_seconds=0.0, keep_seconds=0.0)
        self.cancelled = cancelled
        self.events: list[WorkerEvent] = []

    def emit(self, event: WorkerEvent) -> None:
        self.events.append(event)

    def wait_for_steps(self, ticket: str, count: int, patience: float) -> bool:
        return True

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class CancelledAtCheck:
    """A set of cancelled tickets that contains every ticket from the n-th check on."""

    def __init__(self, number: int) -> None:
        self.remaining = number

    def __contains__(self, ticket: str) -> bool:
        self.remaining -= 1
        return self.remaining <= 0


class Jobs:
    """Writes pictures to files and runs jobs on them. The estimates and the cache of targets are shared by all jobs."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder = folder
        self.network = network
        self.cache = TargetCache(1 << 28)
        self.estimates = Estimates(folder / "pace.json")

    def restyle(self, spec: JobSpec, sink: Recorder | None = None) -> JobDone | JobStopped:
        model = LoadedModel(self.network, "test weights", Weights("test", "test weights"), 0, CPU)
        return restyle(spec, JobResources(model, self.cache, UNLIMITED, self.estimates), sink or Recorder())

    def on_disk(self, picture: Picture) -> PictureFile:
        ref, profile = picture.ref, picture.format.profile
        path = self.folder / ref.blob.hex()[:16]
        path.write_bytes(picture.data)
        if profile:
            (self.folder / "profile").write_bytes(profile)
        return PictureFile(ref, path, self.folder / "profile" if profile else None)

    def spec(
        self,
        content: Picture,
        mask: Picture | None = None,
        styles: list[Picture] | None = None,
        start: StartingImage | None = None,
        region: Picture | None = None,
        **settings: Any,
    ) -> JobSpec:
        """A job for `restyle`. region: of the first style."""
        styles = [noise(16, 16, "RGB", seed=9)] if styles is None else styles
        inputs = [StyleInput(self.on_disk(style), 1.0) for style in styles]
        if region is not None:
            inputs[0] = replace(inputs[0], region=self.on_disk(region))
        return JobSpec(
            "j",
            "layer",
            self.on_disk(content),
            tuple(inputs),
            self.on_disk(mask) if mask else None,
            StyleSettings(**{"iterations": 2, **settings}),
            start=start,
            outputs=OutputPaths(self.folder / "result", self.folder / "last", self.folder / "checkpoint.npy"),
        )

    def result(self, done: JobDone) -> Picture:
        ref = done.picture
        return Picture(ref.width, ref.height, ref.format, (self.folder / "result").read_bytes())

    def run(self, content: Picture, *args: Any, sink: Recorder | None = None, **more: Any) -> tuple[JobDone, Picture]:
        """Restyle, and return the event that ends the job and the result picture."""
        done = self.restyle(self.spec(content, *args, **more), sink)
        assert isinstance(done, JobDone)
        return done, self.result(done)


def noise(
    height: int = HEIGHT, width: int = WIDTH, channels: str = "RGB", sample: str = "u8", seed: int = 0, **more: Any
) -> Picture:
    """A picture of uniform noise. more: of PixelFormat."""
    values = np.random.default_rng(seed).random((height, width, CHANNELS[channels])) * WHOLE.get(sample, 1)
    return picture_of(values.astype(DTYPES[sample]), channels, sample, **more)


def picture_of(samples: Array, channels: str, sample: str, **more: Any) -> Picture:
    """samples: (height, width, channels). more: of PixelFormat."""
    return Picture(samples.shape[1], samples.shape[0], PixelFormat(channels, sample, **more), samples.tobytes())


def samples_of(picture: Picture) -> Array:
    """The samples of a picture, (height, width, channels)."""
    shape = (picture.height, picture.width, CHANNELS[picture.format.channels])
    return np.frombuffer(picture.data, DTYPES[picture.format.sample]).reshape(shape)


def with_alpha(picture: Picture, alpha: Array | float) -> Picture:
    samples = samples_of(picture).copy()
    samples[..., -1] = alpha
    return picture_of(samples, picture.format.channels, picture.format.sample)


def mask_of(values: Array) -> Picture:
    return picture_of(np.asarray(values, np.uint8)[..., None], "GRAY", "u8", curve="linear")


def left_half(height: int = HEIGHT, width: int = WIDTH) -> Array:
    """Mask values: 255 in the left half, else 0."""
    values = np.zeros((height, width))
    values[:, : width // 2] = 255
    return values


def feathered(height: int = HEIGHT, width: int = WIDTH) -> Array:
    """Mask values that rise from 0 to 255, from left to right."""
    return np.tile(np.linspace(0, 255, width).round(), (height, 1))
