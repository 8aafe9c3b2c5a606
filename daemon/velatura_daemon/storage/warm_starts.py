"""The last image of each layer, for the next restyle of it to start from."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.errors import DiskTrouble
from velatura_daemon.jobs.job import Job
from velatura_daemon.storage.blobs import BlobStore
from velatura_daemon.storage.checkpoints import CheckpointStore

LAYERS_REMEMBERED = 256

log = logging.getLogger("velatura.storage")


@dataclass(frozen=True)
class WarmStart:
    """Where a layer's optimisation stood: float32 (3, height, width), as numpy saves it, in a blob. likeness: what it
    fits. job: whose. step: how many of its scale's were made."""

    blob: bytes
    warm_start_key: tuple[object, ...]
    job: str
    step: int


class WarmStarts:
    """By client_id and layer."""

    def __init__(self, blobs: BlobStore, checkpoints: CheckpointStore) -> None:
        self._blobs, self._checkpoints = blobs, checkpoints
        self._images: OrderedDict[tuple[str, str], WarmStart] = OrderedDict()  # the latest last

    def __len__(self) -> int:
        return len(self._images)

    def clear(self) -> None:
        self._images.clear()

    def keep(self, job: Job, path: Path, said: dict[str, Any]) -> None:
        """The picture that a worker has left at `path`, if it says that it has."""
        last = said.get("last")
        if not last:
            return
        try:
            self._blobs.adopt(last["blob"], path)
        except DiskTrouble as error:
            log.warning("the last picture of job %s is not kept: %s", job.id, error.sentence)
            return
        self._images[job.client_id, job.layer] = WarmStart(last["blob"], job.warm_start_key, job.id, last["step"])
        self._images.move_to_end((job.client_id, job.layer))
        while len(self._images) > LAYERS_REMEMBERED:
            self._images.popitem(last=False)

    def start_for(self, job: Job) -> dict[str, Any] | None:
        """The picture to go on from: this restyle's own as far as it got, or the layer's last one, where it is wanted
        and still fits."""
        last, paused = self._images.get((job.client_id, job.layer)), job.paused
        job.paused = False
        stood = self._checkpoints.checkpoint((job.client_id, job.id)) if job.resume or job.deaths or job.moves else None
        if stood is not None and not (paused and last is not None and last.job == job.id):
            return {"path": str(stood.path), "step": stood.step, "check": job.resume}
        moved = job.adjust and job.settings.start != "noise"  # white noise is what was asked for, also by `paper`
        wanted = moved or job.resume or job.settings.start == "last"
        if not wanted or last is None or last.warm_start_key != job.warm_start_key or last.blob not in self._blobs:
            return None
        return {"path": str(self._blobs.blob(last.blob).path), "step": last.step if paused else 0, "check": False}
