"""What an executor reports: one union of frozen dataclasses, carried alike by pipes, remote daemons and Ray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from velatura.i18n import lazy_text
from velatura.i18n.wire import text_from_wire, text_to_wire
from velatura.pixels import PictureRef

# Translators: the state of a worker that has not reported yet.
STARTING = lazy_text("starting")
# Translators: the state of a worker that has loaded its network.
WARM = lazy_text("warm")
# Translators: the state of a worker that is sending pictures to another machine.
SENDING = lazy_text("sending")


@dataclass(frozen=True)
class WorkerInfo:
    """What a status shows of a worker. state: STARTING, 'warm', 'waiting there' … The counters are those of its cache
    of targets, memory_bytes is what it holds of the device; None: not known."""

    state: str = ""
    device: str = ""
    weights: str = ""
    targets: int | None = None
    target_bytes: int | None = None
    target_hits: int | None = None
    target_misses: int | None = None
    memory_bytes: int | None = None

    def known(self) -> dict[str, Any]:
        """The fields that are known, by name; and under `texts` what those that are a Text were made from."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        known = {name: value for name, value in values.items() if value not in ("", None)}
        texts = {name: made_from for name, value in known.items() if (made_from := text_to_wire(value))}
        return {**known, "texts": texts} if texts else known


def text_of(worker: Mapping[str, Any], name: str, otherwise: str = "") -> str:
    """A field of a worker as a status reports it (`WorkerInfo.known`), so that it can be translated."""
    texts, value = worker.get("texts"), str(worker.get(name, otherwise))
    return text_from_wire(value, texts.get(name)) if isinstance(texts, dict) else value


@dataclass(frozen=True)
class SavedImage:
    """The optimised image, written where the job said. blob: SHA-256 of the file. step: steps done of its scale."""

    blob: bytes
    step: int


@dataclass(frozen=True)
class Available:
    """An executor that could not take jobs before can now."""


@dataclass(frozen=True)
class Ready:
    """The worker's state changed."""

    info: WorkerInfo


@dataclass(frozen=True)
class Heartbeat:
    """The worker lives. Sent while it works; an idle one is silent."""


@dataclass(frozen=True)
class GpusFound:
    """The GPUs of the worker's machine, such as cuda:0 and cuda:1. Sent once, after torch was loaded."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Estimated:
    """The answer to an EstimateRequest, or, with a job's ticket, what a job expects of itself at its start.

    seconds: -1 if unknown. memory: bytes of the device. tile: side of the tiles in pixels, 0 for the whole at once.
    sentence: the estimate, or why there is none, in words.
    """

    ticket: str
    seconds: float
    memory: int
    tile: int
    device: str
    sentence: str

    @classmethod
    def unknown(cls, ticket: str, sentence: str) -> Estimated:
        """sentence: why."""
        return cls(ticket, -1.0, 0, 0, "", sentence)


@dataclass(frozen=True)
class JobProgress:
    """After a step. level: index of the scale, of `levels`. width, height: of that scale, pixels. done: share of the
    whole work, 0 to 1. seconds_left: estimated; -1 if unknown."""

    ticket: str
    level: int
    levels: int
    width: int
    height: int
    step: int
    steps: int
    content_loss: float
    style_loss: float
    done: float
    seconds_left: float


@dataclass(frozen=True)
class JobPreview:
    """The image so far. data: width × height RGB pixels, 8 bits, sRGB."""

    ticket: str
    level: int
    width: int
    height: int
    data: bytes


@dataclass(frozen=True)
class JobStep:
    """The picture as the result would be now is on disk, in the file `OutputPaths.step(number)`. number: of the
    evaluation, from 1."""

    ticket: str
    number: int
    picture: PictureRef


@dataclass(frozen=True)
class JobNotice:
    """Something the user should read while the job goes on."""

    ticket: str
    sentence: str


@dataclass(frozen=True)
class CheckpointSaved:
    """The image so far is on disk. done: 0 to 1. step: steps done of its scale. width: of that scale, in pixels; 0 if
    it is not known. elsewhere: it lies on the machine that does the work. Thumbnails are JPEGs, of the image and of
    each style; empty if there is none."""

    ticket: str
    done: float
    step: int
    thumbnail: bytes = b""
    style_thumbnails: tuple[bytes, ...] = ()
    elsewhere: bool = False
    width: int = 0


@dataclass(frozen=True)
class JobStopped:
    """Ended without a result, on request or because the executor gives it back. last_image: what is left of it."""

    ticket: str
    last_image: SavedImage | None = None


@dataclass(frozen=True)
class JobFailed:
    """code, sentence: of a `velatura.errors.VelaturaError`. detail: a traceback for the log, or ''."""

    ticket: str
    code: str
    sentence: str
    detail: str = ""


@dataclass(frozen=True)
class JobDone:
    """The result is on disk. picture: what it is. left, top: its place in the content, pixels. seconds: of work.
    started_from: content, noise or last. notes: sentences for the user."""

    ticket: str
    picture: PictureRef
    left: int
    top: int
    weights: str
    device: str
    seconds: float
    content_loss: float
    style_loss: float
    started_from: str
    notes: tuple[str, ...] = ()
    thumbnail: bytes = b""
    style_thumbnails: tuple[bytes, ...] = ()
    last_image: SavedImage | None = None


@dataclass(frozen=True)
class WorkerGone:
    """The worker died; its job ended with it. how: for the log and the user. sentence: what the user reads instead of
    the usual words, or ''. blameless: the job did not cause it."""

    how: str
    sentence: str = ""
    blameless: bool = False


JobEnd: TypeAlias = JobStopped | JobFailed | JobDone
JobEvent: TypeAlias = Estimated | JobProgress | JobPreview | JobStep | JobNotice | CheckpointSaved | JobEnd
WorkerEvent: TypeAlias = Available | Ready | Heartbeat | GpusFound | JobEvent | WorkerGone

# After these a worker has no job.
ENDINGS = (JobStopped, JobFailed, JobDone, WorkerGone)
