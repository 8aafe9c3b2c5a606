"""Writes the image in work to disk every few seconds, so that a crash costs only those seconds."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from velatura.i18n import lazy_text
from velatura_daemon.engine.stylise import Progress
from velatura_daemon.jobs.events import CheckpointSaved, JobNotice
from velatura_daemon.jobs.spec import JobSpec
from velatura_daemon.storage.atomic import Writer, sync_files, write_whole
from velatura_daemon.worker.event_sink import EventSink
from velatura_daemon.worker.previews import PreviewRenderer

TIME_SHARE = 0.05  # of the time, at most, goes into checkpoints: a large image takes a while to write


class CheckpointWriter:
    """Called after each evaluation of one job; writes when a checkpoint is due."""

    def __init__(
        self,
        spec: JobSpec,
        sink: EventSink,
        previews: PreviewRenderer,
        style_thumbnails: tuple[bytes, ...],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec, self._sink, self._previews, self._clock = spec, sink, previews, clock
        self._style_thumbnails = style_thumbnails
        self._inputs_synced = False
        self._last_warning = ""
        self._interval = sink.options.keep_seconds
        self._next = clock() + self._interval

    def update(self, progress: Progress) -> None:
        """A full or failing disk costs the checkpoint, not the restyle."""
        began = self._clock()
        if began < self._next or not bool(torch.isfinite(progress.image).all()):
            return
        try:
            self._sync_inputs()
            write_arrays([progress.image], self._spec.files.checkpoint, write_whole)
        except OSError as error:
            self._warn(
                lazy_text(
                    "Progress cannot be saved to disk ({problem}); the restyle continues.", problem=str(error.strerror)
                )
            )
        else:
            thumbnail = self._previews.thumbnail(progress.image)
            ticket, width, styles = self._spec.ticket, progress.image.shape[-1], self._style_thumbnails
            self._sink.emit(CheckpointSaved(ticket, progress.done, progress.step, thumbnail, styles, width=width))
        took = self._clock() - began
        self._next = self._clock() + max(self._interval, took / TIME_SHARE)

    def _sync_inputs(self) -> None:
        """After a crash of the machine a checkpoint is worth nothing without the pictures it was made from."""
        if not self._inputs_synced:
            sync_files(path for item in self._spec.inputs for path in item.files.values())
            self._inputs_synced = True

    def _warn(self, sentence: str) -> None:
        """Once for each reason."""
        if sentence != self._last_warning:
            self._last_warning = sentence
            self._sink.emit(JobNotice(self._spec.ticket, sentence))


def write_arrays(images: Sequence[Tensor], path: Path, put: Callable[[Path, Writer], None]) -> bytes:
    """Write (3, h, w) each, one after the other as float32, in numpy's format. put: write_whole or write_quickly.
    Returns the SHA-256 of the file. Raises OSError."""
    parts: list[bytes | memoryview] = []
    for image in images:
        values = np.ascontiguousarray(image.detach().float().cpu().numpy())
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(values))
        parts += [header.getvalue(), values.data.cast("B")]

    def write(file: IO[bytes]) -> None:
        for part in parts:
            file.write(part)

    put(path, write)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()
