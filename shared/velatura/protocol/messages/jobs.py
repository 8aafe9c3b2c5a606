"""The messages about a restyle: the request, its progress and its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from velatura.protocol.messages.base import Buffer, Message


@dataclass(frozen=True)
class Restyle(Message):
    """client → daemon: a request for a restyle. Pictures are maps, as `PictureRef.to_wire` makes them.

    Attributes:
        job: An id that the client chooses.
        layer: The client's name for what is restyled; a newer job for the same layer replaces an older one.
        content: The picture to restyle.
        styles: [{'picture': …, 'share': …, 'region': …}]. A region is a GRAY picture of the content's size that says
            where the style applies; None: everywhere that no region covers. A style may also have a name and the path
            of its file, for the history. The daemon never opens a path from the wire.
        mask: What to restyle, a GRAY picture of the content's size; None: everything.
        settings: Names and values, as `StyleSettings.to_wire` makes them.
        adjust: A setting or the content was changed: start from the last picture of this layer if it still fits.
        weights: A name, or 'auto' for the daemon's choice.
        device: A name, or 'auto' for the daemon's choice.
        title: The name of the layer, for people.
        note: Any text of the client, returned with whatever is saved of the job.
        remember: Whether the job is added to the history, and saved if it is stopped. A job with a note is saved in any
            case. False suits one of thirty figures, for example.
        view: [left, top, width, height] in the content's pixels: restyle only this part, at the content's own
            resolution, as a restyle of the whole content would. None: everything. Since version 2.1.
        step_every: After how many evaluations each the daemon sends a `step`, up to MAX_STEP_EVERY; 0: none. Since
            version 2.3.
        previous: [{'content': …, 'result': …}]: frames of the same film that are restyled already, the nearest first;
            at most MAX_PREVIOUS. The result follows their results, as the setting `steadiness` says. Since version 2.4.
        background: The job waits for all others, and gives up its worker to one that waits: for the frames of a film.
            Since version 2.4.
        via: The daemons that have passed the job on, by ids of their own; at most MAX_VIA. A daemon refuses a job that
            it has passed on itself. Since version 2.5.
        once: No other restyle of this content follows, so that the worker need not keep what it has computed of it: for
            the pictures of a batch. Since version 2.5.
    """

    type: ClassVar[str] = "restyle"
    job: str
    layer: str
    content: dict[str, Any]
    styles: list[Any]
    mask: dict[str, Any] | None
    settings: dict[str, Any]
    adjust: bool = False
    weights: str = "auto"
    device: str = "auto"
    title: str = ""
    note: str = ""
    remember: bool = True
    view: list[int] | None = None
    step_every: int = 0
    previous: list[Any] = field(default_factory=list)
    background: bool = False
    via: list[str] = field(default_factory=list)
    once: bool = False


@dataclass(frozen=True)
class Accepted(Message):
    """daemon → client: all pictures have arrived and the job is in the queue."""

    type: ClassVar[str] = "accepted"
    job: str


@dataclass(frozen=True)
class Queued(Message):
    """daemon → client: the job's place in the queue.

    Attributes:
        job: The id of the job.
        place: The number of jobs before this one, without those that its client has cancelled or replaced; 0 if it is
            running.
    """

    type: ClassVar[str] = "queued"
    job: str
    place: int


@dataclass(frozen=True)
class Progress(Message):
    """daemon → client: the state of a running job.

    Attributes:
        job: The id of the job.
        level: The scale, counted from 0.
        levels: The number of scales.
        width: The scale's width in pixels.
        height: The scale's height in pixels.
        step: The step within this scale.
        steps: The number of steps of this scale.
        content_loss: The unweighted content loss.
        style_loss: The unweighted style loss.
        done: 0 to 1, of the whole job.
        seconds_left: −1 if it is not known yet.
    """

    type: ClassVar[str] = "progress"
    job: str
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
class ProgressSaved(Message):
    """daemon → client: a checkpoint of a running job is on the disk; if the job is stopped, it can be resumed.

    Attributes:
        job: The id of the job.
        done: 0 to 1, how much of the job it has.
    """

    type: ClassVar[str] = "progress_saved"
    job: str
    done: float


@dataclass(frozen=True)
class Preview(Message):
    """daemon → client: the current picture, small.

    The client answers with `preview_shown`. The daemon sends no other preview before that.

    Attributes:
        job: The id of the job.
        level: The scale, counted from 0.
        width: The preview's width in pixels.
        height: The preview's height in pixels.
        data: RGB u8 sRGB.
    """

    type: ClassVar[str] = "preview"
    frames: ClassVar[int] = 1
    job: str
    level: int
    width: int
    height: int
    data: Buffer = field(repr=False, default=b"")


@dataclass(frozen=True)
class PreviewShown(Message):
    """client → daemon: the preview is on the screen; the next one may be sent."""

    type: ClassVar[str] = "preview_shown"
    job: str


@dataclass(frozen=True)
class Step(Message):
    """daemon → client: the picture as the result would be if the job ended now, to be fetched with `get`.

    Attributes:
        job: The id of the job.
        number: The number of the evaluation, from 1; after an interruption, evaluations may come again.
        picture: What to fetch.
    """

    type: ClassVar[str] = "step"
    job: str
    number: int
    picture: dict[str, Any]


@dataclass(frozen=True)
class StepReceived(Message):
    """client → daemon: the picture of the oldest unconfirmed `step` has arrived; the daemon may delete it."""

    type: ClassVar[str] = "step_received"
    job: str


@dataclass(frozen=True)
class Result(Message):
    """daemon → client: the job is finished.

    Attributes:
        job: The id of the job.
        layer: The client's name for what was restyled.
        picture: The result, to be fetched with `get`.
        left: Where its left edge is in the content, in pixels.
        top: Where its upper edge is in the content, in pixels.
        weights: What the network's weights are.
        device: Where it was computed.
        seconds: How long it took.
        content_loss: The unweighted content loss.
        style_loss: The unweighted style loss.
        started_from: content, noise or last.
        settings: The settings of the restyle.
        notes: Sentences for the user.
        mask: The selection, a picture that can be fetched as well; None if everything was selected.
    """

    type: ClassVar[str] = "result"
    job: str
    layer: str
    picture: dict[str, Any]
    left: int
    top: int
    weights: str
    device: str
    seconds: float
    content_loss: float
    style_loss: float
    started_from: str
    settings: dict[str, Any]
    notes: list[Any]
    mask: dict[str, Any] | None = None


@dataclass(frozen=True)
class Received(Message):
    """client → daemon: the result is safe, for example in a document; the daemon may delete it."""

    type: ClassVar[str] = "received"
    job: str


@dataclass(frozen=True)
class Failed(Message):
    """daemon → client: an error.

    Attributes:
        job: Empty if the error concerns no job.
        code: The code of a class in velatura.errors.
        sentence: The message for the user.
    """

    type: ClassVar[str] = "failed"
    job: str
    code: str
    sentence: str


@dataclass(frozen=True)
class Notice(Message):
    """daemon → client: a message for the user about a job that continues."""

    type: ClassVar[str] = "notice"
    job: str
    sentence: str


@dataclass(frozen=True)
class Cancel(Message):
    """client → daemon: stop a job."""

    type: ClassVar[str] = "cancel"
    job: str


@dataclass(frozen=True)
class Cancelled(Message):
    """daemon → client: the job was stopped.

    Attributes:
        job: The id of the job.
        replaced_by: The newer job for the same layer, or empty.
    """

    type: ClassVar[str] = "cancelled"
    job: str
    replaced_by: str = ""
