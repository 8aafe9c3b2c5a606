"""One job in a worker: pictures in, the engine's recipe, progress and previews on the way, the result file out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from velatura.errors import NothingToRestyle
from velatura.i18n import lazy_text
from velatura.pixels import PictureRef
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.following import is_same_picture, reference
from velatura_daemon.engine.inputs import inputs_of
from velatura_daemon.engine.stages import WarmStart
from velatura_daemon.engine.style_regions import style_coverage
from velatura_daemon.engine.stylise import Progress, Resources, stylise
from velatura_daemon.jobs.events import JobDone, JobNotice, JobStopped, SavedImage
from velatura_daemon.jobs.spec import JobSpec
from velatura_daemon.jobs.validation import check_styles
from velatura_daemon.memory_plan import MemoryBudget, style_megapixels_within
from velatura_daemon.storage.atomic import write_file, write_quickly
from velatura_daemon.worker.checkpoint_writer import CheckpointWriter, write_arrays
from velatura_daemon.worker.estimates import Estimates, Expected
from velatura_daemon.worker.event_sink import EventSink
from velatura_daemon.worker.layer import Layer, check_inputs, starting_images, style_sources
from velatura_daemon.worker.model_cache import LoadedModel
from velatura_daemon.worker.previews import PreviewRenderer, thumbnail
from velatura_daemon.worker.previous_frames import guide_for
from velatura_daemon.worker.progress_reporter import ProgressReporter
from velatura_daemon.worker.step_writer import StepWriter
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
        self.layer = Layer.of_job(spec, device)
        check_styles([style.picture.picture for style in spec.styles], style_megapixels_within(resources.budget.bytes))
        self.styles = style_sources(spec.styles, self.layer, device)
        self.guide = guide_for(spec, self.layer)
        self.inputs = inputs_of(self.styles, self.guide is not None)
        self.layer.covered = style_coverage(self.styles)
        self.previews = PreviewRenderer(self.layer.preview_content, spec.settings)
        self.style_thumbnails = tuple(thumbnail(style.image) for style in self.styles)
        self.notes: list[str] = []
        self.last_image: Progress | None = None  # of the whole picture

    def run(self) -> JobDone | JobStopped:
        spec, device = self.spec, self.resources.model.device
        image, earlier_content = starting_images(spec.start, device)
        # A frame that follows others starts from them and not from what its layer was last.
        if earlier_content is not None and (
            self.guide is not None or not is_same_picture(earlier_content, self.reference)
        ):
            image = None
        if spec.finish_now:
            if image is None:
                raise NothingToRestyle(lazy_text("No image of this restyle is left. Restyle again."))
            return self._done(image, None, "last")
        started_from = "last" if image is not None else "noise" if spec.settings.start == "noise" else "content"
        warm_start: WarmStart | None = None
        if image is not None:
            assert spec.start is not None
            key = self.layer.key_of(spec.start.content) if spec.start.content is not None else None
            steps = spec.start.step if spec.start.width in (0, image.shape[-1]) else 0
            warm_start = WarmStart(image, steps, earlier_content, key)
        progress: Progress | None = None
        expected = self._announce_estimate(warm_start)
        if (spec.settings.strength > 0 or spec.settings.strength_is_locked) and self.layer.area is not None:
            time_left, began = TimeLeft(expected.costs), time.monotonic()  # after a new device has been measured
            progress, stopped = self._optimise(warm_start, time_left)
            if stopped:
                return JobStopped(spec.ticket, self._saved())
            if not spec.step_every:  # which takes time of its own
                self.resources.estimates.learn(self.resources.model, time_left.done, time.monotonic() - began)
        return self._done(self.layer.seen(progress) if progress else None, progress, started_from)

    def _announce_estimate(self, warm_start: WarmStart | None) -> Expected:
        height, width = self.layer.source.size
        model, budget, view = self.resources.model, self.resources.budget, self.layer.engine_view
        estimates, settings = self.resources.estimates, self.spec.settings
        expected = estimates.expect(width, height, settings, model, budget, warm_start, view, self.inputs)
        self.sink.emit(expected.event(self.spec.ticket))
        return expected

    def _optimise(self, warm_start: WarmStart | None, time_left: TimeLeft) -> tuple[Progress | None, bool]:
        """The last progress, and whether the job was cancelled."""
        spec, resources = self.spec, self.resources
        reporter = ProgressReporter(spec.ticket, self.sink, self.previews, time_left, self.layer.previewed)
        checkpoints = CheckpointWriter(spec, self.sink, self.previews, self.style_thumbnails)
        steps = StepWriter(spec, self.sink, self.layer)
        keeps_content = not (spec.once or spec.background)  # a frame of a film is restyled once
        engine_resources = Resources(resources.cache, resources.budget, keeps_content=keeps_content)
        network = resources.model.network
        view = self.layer.engine_view
        styles, self.styles = self.styles, []  # in the engine's hands: it replaces those whose colours it matches
        images = stylise(
            self.layer.source, styles, spec.settings, network, warm_start, engine_resources, view, self.guide
        )
        del styles
        progress: Progress | None = None
        for progress in images:
            if progress.stage is None or progress.stage.part is None:
                self.last_image = progress
            if spec.ticket in self.sink.cancelled:
                images.close()  # the image ends as the best seen, not as a step that was never evaluated
                return progress, True
            if progress.warning:
                self.notes.append(progress.warning)
                self.sink.emit(JobNotice(spec.ticket, progress.warning))
            reporter.report(progress)
            steps.update(progress)
            if view is None:
                checkpoints.update(progress)
        steps.finish()
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
            thumbnail=self.previews.thumbnail(layer.previewed(progress) if progress else self._unchanged(image)),
            style_thumbnails=self.style_thumbnails,
            last_image=self._saved(),
        )

    def _unchanged(self, image: Tensor | None) -> Tensor:
        return image if image is not None else self.layer.preview_content

    def _saved(self) -> SavedImage | None:
        """Write the optimised image of the whole picture for a later start, and what its content was. If the disk
        refuses, the next restyle only takes longer."""
        last = self.last_image
        if last is None:
            return None
        try:
            images, path = [last.image, self.reference], self.spec.files.last_image
            return SavedImage(write_arrays(images, path, write_quickly), last.step)
        except OSError:
            return None

    @cached_property
    def reference(self) -> Tensor:
        """What is remembered of the content."""
        return reference(self.layer.source, self.spec.settings)
