"""What a worker leaves on the disk: results, and the picture in work every few seconds, so that a crash costs no more
than those."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from velatura_daemon.engine.stylise import Progress
from velatura_daemon.storage.atomic import Write, write_whole
from velatura_daemon.worker.previews import PreviewRenderer

SHARE = 0.05  # of the time, at most, goes into leaving pictures: a large one takes a while to be written


class EventSink(Protocol):
    """The worker, as this module sees it."""

    options: dict[str, Any]

    def say(self, say: str, **more: Any) -> None: ...


class CheckpointWriter:
    """Looked at after each evaluation of one job."""

    def __init__(
        self,
        job: dict[str, Any],
        speaker: EventSink,
        small: PreviewRenderer,
        style_thumbnails: list[bytes],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job, self._speaker, self._small, self._styles, self._clock = job, speaker, small, style_thumbnails, clock
        self._inputs_are_safe = False
        self._every = float(speaker.options["keep_seconds"])
        self._next = clock() + self._every

    def look(self, progress: Progress) -> None:
        """Leave the picture in work, where it is time. A disk that does not take it costs the safety, not the work."""
        began = self._clock()
        if began < self._next or not bool(torch.isfinite(progress.image).all()):
            return
        try:
            self._secure_inputs()
            write_array(progress.image, Path(self._job["keep_path"]), write_whole)
        except OSError as error:
            self._say_once(f"What is done so far cannot be kept on the disk ({error.strerror}); the restyle goes on.")
        else:
            self._speaker.say(
                "kept",
                job=self._job["job"],
                done=progress.done,
                step=progress.step,
                thumbnail=self._small.thumbnail(progress.image),
                style_thumbnails=self._styles,
            )
        took = self._clock() - began
        self._next = self._clock() + max(self._every, took / SHARE)

    def _secure_inputs(self) -> None:
        """The picture in work is worth nothing after a crash without what it is made of."""
        if self._inputs_are_safe:
            return
        items = [
            self._job["content"],
            *self._job["styles"],
            *(style.get("region") for style in self._job["styles"]),
            self._job["mask"],
        ]
        for path in [item[name] for item in items if item for name in ("path", "profile_path") if item[name]]:
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        self._inputs_are_safe = True

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._job.setdefault("said", []):
            self._job["said"].append(sentence)
            self._speaker.say("notice", job=self._job["job"], sentence=sentence)


def write_array(image: Tensor, path: Path, put: Callable[[Path, Write], None]) -> bytes:
    """(3, h, w) as float32, as numpy saves it. put: write_whole, write_quickly. Returns the SHA-256 of the file. Raises
    OSError."""
    values = np.ascontiguousarray(image.detach().float().cpu().numpy())
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(values))

    def write(file: IO[bytes]) -> None:
        file.write(head.getvalue())
        file.write(values.data.cast("B"))

    put(path, write)
    digest = hashlib.sha256(head.getvalue())
    digest.update(values.data.cast("B"))
    return digest.digest()
