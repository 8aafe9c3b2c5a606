"""The pictures of a job's steps, each as the result would be if the job ended there."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from velatura.i18n import lazy_text
from velatura.protocol.messages import MAX_UNRECEIVED_STEPS
from velatura_daemon.engine.stylise import Progress
from velatura_daemon.jobs.events import JobNotice, JobStep
from velatura_daemon.jobs.spec import JobSpec
from velatura_daemon.storage.atomic import write_quickly
from velatura_daemon.worker.event_sink import EventSink
from velatura_daemon.worker.layer import Layer

PATIENCE = 60.0  # seconds; a client that takes no step for so long gets no more, because others wait for the device


class StepWriter:
    """Reports a JobStep after every `spec.step_every` evaluations, and waits for a client that has not received the
    former ones. If it cannot, the restyle continues without."""

    def __init__(self, spec: JobSpec, sink: EventSink, layer: Layer) -> None:
        self._spec, self._sink, self._layer = spec, sink, layer
        self._every = spec.step_every
        self._evaluations = 0
        self._sent = 0

    def update(self, progress: Progress) -> None:
        """An evaluation is done."""
        self._evaluations += 1
        if not self._every or self._evaluations % self._every:
            return
        try:
            self._write(progress)
        except OSError as error:
            self._give_up(
                lazy_text(
                    "No more steps are saved: they cannot be written to the disk ({problem}). The restyle continues.",
                    problem=str(error.strerror),
                )
            )
            return
        self._wait_for(self._sent - MAX_UNRECEIVED_STEPS + 1)

    def finish(self) -> None:
        """Wait until the client has all of them: the result follows."""
        if self._every:
            self._wait_for(self._sent)

    def _write(self, progress: Progress) -> None:
        picture = self._layer.finished(self._layer.seen(progress))
        write_quickly(self._spec.files.step(self._evaluations), lambda file: file.write(picture.data))
        blob = hashlib.sha256(picture.data).digest()
        ref = replace(self._layer.content_ref, blob=blob, width=picture.width, height=picture.height)
        self._sink.emit(JobStep(self._spec.ticket, self._evaluations, ref))
        self._sent += 1

    def _wait_for(self, count: int) -> None:
        if not self._sink.wait_for_steps(self._spec.ticket, count, PATIENCE):
            self._give_up(
                lazy_text("No more steps are sent: the previous ones were not received. The restyle continues.")
            )

    def _give_up(self, sentence: str) -> None:
        self._every = 0
        self._sink.emit(JobNotice(self._spec.ticket, sentence))
