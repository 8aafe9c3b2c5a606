"""The messages about a restyle: the request, its progress and its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from velatura.protocol.messages.base import Buffer, Message


@dataclass(frozen=True)
class Restyle(Message):
    """client → daemon: a request for a restyle.

    job: an id that the client chooses. layer: the client's name for what is restyled; a newer job for the same layer
    replaces an older one. content: a picture (`PictureRef`).
    styles: [{'picture': …, 'share': …, 'region': …}]. A region says where in the content the style applies; None:
    everywhere that no region covers. A style may also have a name and the path of its file, for the history. The daemon
    never opens a path from the wire.
    mask, region: GRAY pictures of the content's size, or None.
    adjust: a setting was changed: start from the last picture of this layer if it still fits.
    weights, device: names, or 'auto' for the daemon's choice.
    title: the name of the layer, for people. note: any text of the client, returned with whatever is saved of the job.
    remember: whether the job is added to the history, and saved if it is stopped. A job with a note is saved in any
    case. False suits one of thirty figures, for example.
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


@dataclass(frozen=True)
class Accepted(Message):
    """daemon → client: all pictures have arrived and the job is in the queue."""

    type: ClassVar[str] = "accepted"
    job: str


@dataclass(frozen=True)
class Queued(Message):
    """daemon → client. place: the number of jobs before this one, without those that its client has cancelled or
    replaced; 0 if it is running."""

    type: ClassVar[str] = "queued"
    job: str
    place: int


@dataclass(frozen=True)
class Progress(Message):
    """daemon → client: the state of a running job.

    level, levels: the scale, counted from 0, and the number of scales. width, height: pixels of this scale. step,
    steps: within this scale. done: 0 to 1, of the whole job. seconds_left: −1 if it is not known yet.
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
class Preview(Message):
    """daemon → client: the current picture, small, as RGB u8 sRGB.

    The client answers with `preview_shown`. The daemon sends no other preview before that.
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
class Result(Message):
    """daemon → client: the job is finished.

    picture: the result, to be fetched with `get`. left, top: the position of its upper left corner in the content.
    started_from: content, noise or last. notes: sentences for the user. mask: the selection, a picture that can be
    fetched as well, or None if everything was selected.
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

    job: empty if the error concerns no job. code: of a class in velatura.errors. sentence: the message for the user.
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
    """daemon → client: the job was stopped. replaced_by: the newer job for the same layer, or empty."""

    type: ClassVar[str] = "cancelled"
    job: str
    replaced_by: str = ""
