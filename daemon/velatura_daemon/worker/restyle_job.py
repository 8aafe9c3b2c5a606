"""One job in a worker: pictures in, the engine's recipe, progress and previews on the way, the result file out."""

from __future__ import annotations

import time
from dataclasses import dataclass

from torch import Tensor

from velatura.errors import NothingToRestyle
from velatura.pixels import PictureRef
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.style_regions import style_coverage
from velatura_daemon.engine.stylise import Progress, Resources, WarmStart, stylise
from velatura_daemon.jobs.events import JobDone, JobNotice, JobStopped, SavedImage
from velatura_daemon.jobs.spec import JobSpec
from velatura_daemon.memory_plan import MemoryBudget
from velatura_daemon.storage.atomic import write_file, write_quickly
from velatura_daemon.worker.checkpoint_writer import CheckpointWriter, write_array
from velatura_daemon.worker.estimates import Estimates, Expected
from velatura_daemon.worker.event_sink import EventSink
from velatura_daemon.worker.layer import Layer, check_inputs, starting_image, style_source
from velatura_daemon.worker.model_cache import LoadedModel
from velatura_daemon.worker.previews import PreviewRenderer, thumbnail
from velatura_daemon.worker.progress_reporter import ProgressReporter
from velatura_daemon.worker.time_left import TimeLeft


@dataclass(frozen=True)
class JobResources:
    """What a worker lends to each of its jobs."""

    model: LoadedModel
    cache: TargetCache
    budget: MemoryBudget
    estimates: Estimates


def restyle(spec: JobSpec, resources: JobResources, sink: EventSink) -> JobDone | JobStopped:
    """Do the job and write its result. Raises a VelaturaError for what is wrong with its pictures."""
    if spec.start is not None and spec.start.verify_inputs:
        check_inputs(spec)
    return _RestyleJob(spec, resources, sink).run()


class _RestyleJob:
    def __init__(self, spec: JobSpec, resources: JobResources, sink: EventSink) -> None:
        self.began = time.monotonic()
        self.spec, self.resources, self.sink = spec, resources, sink
        device = resources.model.device
        self.layer = Layer(spec, device)
        self.styles = [style_source(style, self.layer, device) for style in spec.styles]
        self.layer.covered = style_coverage(self.styles)
        self.previews = PreviewRenderer(self.layer.working_image, spec.settings)
        self.style_thumbnails = tuple(thumbnail(style.image) for style in self.styles)
        self.notes: list[str] = []

    def run(self) -> JobDone | JobStopped:
        spec, device = self.spec, self.resources.model.device
        image = starting_image(spec.start, device)
        if spec.finish_now:
            if image is None:
                raise NothingToRestyle("No image of this restyle is left. Restyle again.")
            return self._done(image, None, "last")
        started_from = "last" if image is not None else "noise" if spec.settings.start == "noise" else "content"
        warm_start: WarmStart | None = None
        if image is not None:
            warm_start = WarmStart(image, spec.start.step if spec.start is not None else 0)
        progress: Progress | None = None
        expected = self._announce_estimate(warm_start)
        if spec.settings.strength > 0 or spec.settings.strength_is_locked:
            time_left, began = TimeLeft(expected.costs), time.monotonic()  # after a new device has been measured
            progress, stopped = self._optimise(warm_start, time_left)
            if stopped:
                return JobStopped(spec.ticket, self._saved(progress))
            self.resources.estimates.learn(self.resources.model, time_left.done, time.monotonic() - began)
        return self._done(progress.image if progress else None, progress, started_from)

    def _announce_estimate(self, warm_start: WarmStart | None) -> Expected:
        height, width = self.layer.source.size
        model, budget = self.resources.model, self.resources.budget
        expected = self.resources.estimates.expect(width, height, self.spec.settings, model, budget, warm_start)
        self.sink.emit(expected.event(self.spec.ticket))
        return expected

    def _optimise(self, warm_start: WarmStart | None, time_left: TimeLeft) -> tuple[Progress | None, bool]:
        """The last progress, and whether the job was cancelled."""
        spec, resources = self.spec, self.resources
        reporter = ProgressReporter(spec.ticket, self.sink, self.previews, time_left)
        checkpoints = CheckpointWriter(spec, self.sink, self.previews, self.style_thumbnails)
        engine_resources = Resources(resources.cache, resources.budget)
        network = resources.model.network
        images = stylise(self.layer.source, self.styles, spec.settings, network, warm_start, engine_resources)
        progress: Progress | None = None
        for progress in images:
            if spec.ticket in self.sink.cancelled:
                images.close()  # the image ends as the best seen, not as a step that was never evaluated
                return progress, True
            if progress.warning:
                self.notes.append(progress.warning)
                self.sink.emit(JobNotice(spec.ticket, progress.warning))
            reporter.report(progress)
            checkpoints.update(progress)
        return progress, False

    def _done(self, image: Tensor | None, progress: Progress | None, started_from: str) -> JobDone:
        """Write the result. image: (3, h, w); None if there was nothing to optimise."""
        layer, spec, model = self.layer, self.spec, self.resources.model
        picture = layer.finished(image)
        digest = write_file(picture.data, spec.files.result)
        return JobDone(
            ticket=spec.ticket,
            picture=PictureRef(
                digest, picture.width, picture.height, layer.content_ref.format, layer.content_ref.profile
            ),
            left=layer.left,
            top=layer.top,
            weights=model.label,
            device=str(model.device),
            seconds=time.monotonic() - self.began,
            content_loss=float(progress.losses.content) if progress else 0.0,
            style_loss=float(progress.losses.style) if progress else 0.0,
            started_from=started_from,
            notes=tuple(self.notes),
            thumbnail=self.previews.thumbnail(image if image is not None else layer.image),
            style_thumbnails=self.style_thumbnails,
            last_image=self._saved(progress),
        )

    def _saved(self, progress: Progress | None) -> SavedImage | None:
        """Write the optimised image for a later start. If the disk refuses, the next restyle only takes longer."""
        if progress is None:
            return None
        try:
            return SavedImage(write_array(progress.image, self.spec.files.last_image, write_quickly), progress.step)
        except OSError:
            return None
