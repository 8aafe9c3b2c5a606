"""The messages between clients and the daemon, as dataclasses. docs/protocol.md specifies them.

Each class is one message; its attributes are the fields of the header on the wire. `codec` encodes and decodes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

VERSION = (2, 0)  # major, minor; only a different major version is refused

CHUNK = 4 << 20  # bytes of a blob in one `put`, at most
HEADER_LIMIT = 64 << 10  # bytes of a header, at most
MAX_FRAME = CHUNK + (4 << 10)  # bytes of any frame, at most (ZMQ_MAXMSGSIZE)
WINDOW = 4 * CHUNK  # bytes that a receiver requests ahead of what has arrived
MAX_STYLES = 16
MAX_NAME = 256  # characters of a client_id, job, layer or title, and of a style's name
MAX_NOTE = 4096  # characters of a note, and of a style's path

Buffer = bytes | bytearray | memoryview  # a binary frame, which is never copied


@dataclass(frozen=True)
class Message:
    """Base class of all messages. type: the name on the wire. frames: how many binary frames follow the header."""

    type: ClassVar[str] = ""
    frames: ClassVar[int] = 0


# --- the handshake ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Hello(Message):
    """client → daemon: the first message.

    nonce: 32 random bytes. client_id: the same at each run of the program; results belong to it.
    """

    type: ClassVar[str] = "hello"
    version: list[int]
    nonce: bytes
    client_id: str
    program: str
    build: str = ""


@dataclass(frozen=True)
class Challenge(Message):
    """daemon → client: the daemon's nonce, and its proof that it knows the key."""

    type: ClassVar[str] = "challenge"
    version: list[int]
    nonce: bytes
    proof: bytes


@dataclass(frozen=True)
class Proof(Message):
    """client → daemon: the proof that the client knows the key."""

    type: ClassVar[str] = "proof"
    proof: bytes


@dataclass(frozen=True)
class Welcome(Message):
    """daemon → client: the handshake is complete.

    session_id: 16 random bytes that every later header repeats. heartbeat: seconds; the jobs of a client that misses
    two are parked. limits: max_megapixels and others. results: finished results that were not fetched yet.
    """

    type: ClassVar[str] = "welcome"
    session_id: bytes
    build: str
    heartbeat: float
    idle: bool
    limits: dict[str, Any]
    results: list[Any]


# --- pictures --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Get(Message):
    """receiver → sender: a request for the bytes [start, until) of a blob. More follow as bytes arrive (credit).

    ticket: the receiver's number for this transfer, which each `put` repeats.
    """

    type: ClassVar[str] = "get"
    blob: bytes
    start: int
    until: int
    ticket: int


@dataclass(frozen=True)
class Put(Message):
    """sender → receiver: the bytes [offset, offset + len(data)) of a blob of `size` bytes, in order, at most CHUNK."""

    type: ClassVar[str] = "put"
    frames: ClassVar[int] = 1
    blob: bytes
    size: int
    offset: int
    ticket: int
    data: Buffer = field(repr=False, default=b"")


# --- a job -----------------------------------------------------------------------------------------
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
    """daemon → client. place: the number of jobs before this one; 0 if it is running."""

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


# --- saved results and the history -----------------------------------------------------------------
@dataclass(frozen=True)
class ListSaved(Message):
    """client → daemon: list the finished results that were not fetched, and the stopped restyles.

    everyone: of all programs of this user, not only of this one.
    """

    type: ClassVar[str] = "list_saved"
    everyone: bool = False


@dataclass(frozen=True)
class SavedList(Message):
    """daemon → client. data: a msgpack list of maps, the newest first. `velatura.client.saved_results` parses it."""

    type: ClassVar[str] = "saved_list"
    frames: ClassVar[int] = 1
    data: Buffer = field(repr=False, default=b"")


@dataclass(frozen=True)
class Resume(Message):
    """client → daemon: resume a stopped restyle as a job of this session, with the same id.

    client: the client_id that it belongs to, '' for this client. how: 'go_on' finishes the restyle; 'as_it_is' returns
    the picture as it was when the restyle stopped.
    """

    type: ClassVar[str] = "resume"
    job: str
    client: str = ""
    how: str = "go_on"


@dataclass(frozen=True)
class Drop(Message):
    """client → daemon: delete a finished result or a stopped restyle.

    client: the client_id that it belongs to, '' for this client.
    """

    type: ClassVar[str] = "drop"
    job: str
    client: str = ""


@dataclass(frozen=True)
class GetHistory(Message):
    """client → daemon: list past restyles. before: only entries with a smaller number; 0 for the newest."""

    type: ClassVar[str] = "get_history"
    before: int = 0


@dataclass(frozen=True)
class History(Message):
    """daemon → client. data: a msgpack list of maps, the newest first. `velatura.client.saved_results` parses it."""

    type: ClassVar[str] = "history"
    frames: ClassVar[int] = 1
    data: Buffer = field(repr=False, default=b"")


@dataclass(frozen=True)
class Forget(Message):
    """client → daemon: delete pictures, results, stopped restyles and the history.

    Answered with an empty `saved_list`.
    """

    type: ClassVar[str] = "forget"


# --- the daemon itself -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Ping(Message):
    """client → daemon: a sign of life. Any other message is one as well."""

    type: ClassVar[str] = "ping"


@dataclass(frozen=True)
class Pong(Message):
    """daemon → client: the answer to `ping`."""

    type: ClassVar[str] = "pong"


@dataclass(frozen=True)
class GetEstimate(Message):
    """client → daemon: request an estimate of time and memory. ticket: an id that the client chooses."""

    type: ClassVar[str] = "get_estimate"
    ticket: str
    width: int
    height: int
    settings: dict[str, Any]
    weights: str = "auto"
    device: str = "auto"


@dataclass(frozen=True)
class Estimate(Message):
    """daemon → client: the answer to `get_estimate`. Also sent as a job starts, with the job's id as the ticket.

    seconds: below 0 if this device was not measured yet. memory: bytes at the peak. tile: the longest side of the tiles
    in which the largest scale is processed, in pixels; 0 if it is processed in one piece. sentence: the same, for the
    user.
    """

    type: ClassVar[str] = "estimate"
    ticket: str
    seconds: float
    memory: int
    tile: int
    device: str
    sentence: str


@dataclass(frozen=True)
class GetStatus(Message):
    """client → daemon: request a `status` message."""

    type: ClassVar[str] = "get_status"


@dataclass(frozen=True)
class Status(Message):
    """daemon → client. report: the state of the daemon and its workers; docs/protocol.md lists the fields."""

    type: ClassVar[str] = "status"
    report: dict[str, Any]


@dataclass(frozen=True)
class Shutdown(Message):
    """client → daemon: shut down. if_idle: only if nothing is to be done; otherwise the daemon answers `failed`."""

    type: ClassVar[str] = "shutdown"
    if_idle: bool


@dataclass(frozen=True)
class Bye(Message):
    """either side: this side is about to close the connection."""

    type: ClassVar[str] = "bye"
    sentence: str = ""


MESSAGES: dict[str, type[Message]] = {cls.type: cls for cls in Message.__subclasses__()}
