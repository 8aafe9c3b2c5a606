"""Makes a JobSpec from a job: where its pictures are, what it starts from, where its worker writes."""

from __future__ import annotations

import contextlib
from pathlib import Path

from velatura.pixels import PictureRef
from velatura.protocol.style_share import StyleShare
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.job import Job
from velatura_daemon.jobs.spec import JobSpec, OutputPaths, PictureFile, PreviousInput, StyleInput
from velatura_daemon.storage.job_store import JobStore
from velatura_daemon.storage.warm_starts import WarmStarts


class SpecBuilder:
    """Knows the stores that jobs' files are in."""

    def __init__(self, config: DaemonConfig, store: JobStore, warm_starts: WarmStarts, daemon: str) -> None:
        """daemon: the id of this one."""
        self._config, self._store, self._warm_starts, self._daemon = config, store, warm_starts, daemon

    def outputs_for(self, job: Job) -> OutputPaths:
        """Fresh files for one run of a job, and the job's checkpoint."""
        blobs = self._store.blobs
        checkpoint = self._store.checkpoints.image_path((job.client_id, job.id))
        return OutputPaths(blobs.fresh_path(), blobs.fresh_path(), checkpoint)

    def build(self, job: Job, ticket: str, outputs: OutputPaths, worker_device: str) -> JobSpec:
        """worker_device: of the worker that will do it. Raises UnknownBlob if somebody has deleted a picture."""
        # A worker of cuda:1 takes a job for 'cuda' as one for its own device.
        device = "auto" if worker_device.startswith(f"{job.device}:") else job.device
        return JobSpec(
            ticket=ticket,
            layer=f"{job.client_id} {job.layer}",
            content=self._file(job.content),
            styles=tuple(self._style(style) for style in job.styles),
            mask=self._file(job.mask) if job.mask is not None else None,
            settings=job.settings,
            weights=self.weights(job.weights),
            device=device,
            adjust=job.adjust or (job.resume and job.has_begun),
            resumable=job.resumable,
            finish_now=job.finish_now,
            start=self._warm_starts.start_for(job),
            outputs=outputs,
            view=job.view,
            step_every=job.request.step_every,
            previous=tuple(
                PreviousInput(self._file(frame.content), self._file(frame.result)) for frame in job.previous
            ),
            background=job.background,
            via=(*job.request.via, self._daemon),
            once=job.request.once,
        )

    def weights(self, name: str) -> str:
        """The daemon's own choice for 'auto'."""
        return self._config.weights if name == "auto" else name

    def clean_up(self, job: Job, outputs: OutputPaths) -> None:
        """Delete what a run has left and nobody took."""
        delete_outputs(outputs)
        self._store.checkpoints.clear_up((job.client_id, job.id))

    def _style(self, style: StyleShare) -> StyleInput:
        region = self._file(style.region) if style.region is not None else None
        return StyleInput(self._file(style.picture), style.share, region)

    def _file(self, picture: PictureRef) -> PictureFile:
        blobs = self._store.blobs
        profile = blobs.blob(picture.profile).path if picture.profile else None
        return PictureFile(picture, blobs.blob(picture.blob).path, profile)


def delete_outputs(outputs: OutputPaths) -> None:
    """Not the checkpoint, which outlives a run."""
    for path in (outputs.result, outputs.last_image):
        _delete(path)


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
