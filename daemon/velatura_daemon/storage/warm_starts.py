"""The last optimised image of each layer, for its next restyle to start from."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from velatura.errors import DiskTrouble
from velatura.pixels import PictureRef
from velatura_daemon.jobs.events import SavedImage
from velatura_daemon.jobs.job import Job
from velatura_daemon.jobs.spec import StartingImage
from velatura_daemon.storage.blobs import BlobStore
from velatura_daemon.storage.checkpoints import CheckpointStore

LAYERS_REMEMBERED = 256

log = logging.getLogger("velatura.storage")


@dataclass(frozen=True)
class WarmStart:
    """Where a layer's optimisation stood: its image and what the content was, as the worker writes them, in a blob.

    warm_start_key: which jobs it fits. content: what the image was made of. keep_colours: the setting that it was made
    with. job: whose it is. step: how many steps of its scale are done.
    """

    blob: bytes
    warm_start_key: tuple[object, ...]
    content: PictureRef
    keep_colours: str
    job: str
    step: int

    def fits(self, job: Job) -> bool:
        """The engine can bring an image to the grey or to the palette of the content, but not back to the style's
        colours."""
        return self.warm_start_key == job.warm_start_key and self._fits_colours(job)

    def can_follow(self, job: Job) -> bool:
        """Whether only the content differs: its pixels, or its size in the same proportions."""
        before, after = self.content, job.content
        height = after.height * before.width / after.width
        return (
            self.warm_start_key[1:] == job.warm_start_key[1:]
            and self._fits_colours(job)
            and abs(height - before.height) <= max(1.0, before.width / after.width)
        )

    def _fits_colours(self, job: Job) -> bool:
        return job.settings.keep_colours in (self.keep_colours, "luminance", "palette")


class WarmStarts:
    """By client_id and layer."""

    def __init__(self, blobs: BlobStore, checkpoints: CheckpointStore) -> None:
        self._blobs, self._checkpoints = blobs, checkpoints
        self._images: OrderedDict[tuple[str, str], WarmStart] = OrderedDict()  # the latest last

    def __len__(self) -> int:
        return len(self._images)

    def clear(self) -> None:
        self._images.clear()

    def keep(self, job: Job, path: Path, image: SavedImage | None) -> None:
        """The image that a worker has written to `path`, if it has."""
        if image is None:
            return
        try:
            self._blobs.adopt(image.blob, path)
        except DiskTrouble as error:
            log.warning("the last image of job %s is not kept: %s", job.id, error.sentence)
            return
        key = (job.client_id, job.layer)
        self._images[key] = WarmStart(
            image.blob, job.warm_start_key, job.content, job.settings.keep_colours, job.id, image.step
        )
        self._images.move_to_end(key)
        while len(self._images) > LAYERS_REMEMBERED:
            self._images.popitem(last=False)

    def start_for(self, job: Job) -> StartingImage | None:
        """What a job starts from: its own image as far as it got, or its layer's last one if that is wanted and
        fits."""
        last, paused = self._images.get((job.client_id, job.layer)), job.paused
        job.paused = False
        interrupted = job.resume or job.deaths > 0 or job.moves > 0
        checkpoint = self._checkpoints.checkpoint((job.client_id, job.id)) if interrupted else None
        is_own = last is not None and last.job == job.id
        has_newer = paused and is_own
        if checkpoint is not None and not has_newer:
            return StartingImage(checkpoint.path, checkpoint.step, verify_inputs=job.resume, width=checkpoint.width)
        adjusted = job.adjust and job.settings.start != "noise"  # white noise means white noise, in `paper` too
        wanted = adjusted or (job.resume and is_own) or job.settings.start == "last"
        if not wanted or last is None or last.blob not in self._blobs:
            return None
        path = self._blobs.blob(last.blob).path
        if last.fits(job):
            return StartingImage(path, last.step if has_newer and job.view is None else 0)
        if adjusted and last.can_follow(job):
            return StartingImage(path, 0, content=last.content)
        return None
