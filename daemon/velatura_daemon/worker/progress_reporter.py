"""Reports progress and previews of one job, no more often than a window can show them."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import Tensor

from velatura_daemon.engine.stylise import Progress
from velatura_daemon.jobs.events import JobPreview, JobProgress
from velatura_daemon.worker.event_sink import EventSink
from velatura_daemon.worker.previews import PreviewRenderer
from velatura_daemon.worker.time_left import TimeLeft

PROGRESS_SECONDS = 0.1  # a window shows no more than ten updates a second
FIRST_PREVIEW_STEP = 1  # with two steps made: after one, of 1 % of the range, an image looks like its start
FIRST_INTERVAL = 0.1  # seconds between previews at first; then as long as the job has run, up to preview_seconds


class ProgressReporter:
    """Called after each evaluation."""

    def __init__(
        self,
        ticket: str,
        sink: EventSink,
        previews: PreviewRenderer,
        time_left: TimeLeft,
        previewed: Callable[[Progress], Tensor] = lambda progress: progress.image,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ticket, self._sink, self._previews, self._time_left, self._clock = (
            ticket,
            sink,
            previews,
            time_left,
            clock,
        )
        self._previewed = previewed
        self._began = clock()
        self._next_progress = 0.0
        self._next_preview = 0.0

    def report(self, progress: Progress) -> None:
        self._time_left.count(progress)
        now = self._clock()
        ends_scale = progress.step + 1 == progress.scale.evaluations
        if now >= self._next_progress or ends_scale:
            self._next_progress = now + PROGRESS_SECONDS
            self._sink.emit(self._progress(progress))
        if (progress.step >= FIRST_PREVIEW_STEP and now >= self._next_preview) or ends_scale:
            interval = max(FIRST_INTERVAL, now - self._began)
            self._next_preview = now + min(self._sink.options.preview_seconds, interval)
            self._sink.emit(self._preview(progress))

    def _progress(self, progress: Progress) -> JobProgress:
        content_loss, style_loss = float(progress.losses.content), float(progress.losses.style)  # waits for the device
        return JobProgress(
            ticket=self._ticket,
            level=progress.level,
            levels=progress.levels,
            width=progress.scale.width,
            height=progress.scale.height,
            step=progress.step,
            steps=progress.scale.steps,
            content_loss=content_loss,
            style_loss=style_loss,
            done=progress.done,
            seconds_left=self._time_left.seconds(progress, self._clock()),
        )

    def _preview(self, progress: Progress) -> JobPreview:
        pixels = self._previews.pixels(self._previewed(progress), self._sink.options.preview_side)  # (h, w, 3)
        height, width = pixels.shape[:2]
        return JobPreview(self._ticket, progress.level, width, height, pixels.tobytes())
