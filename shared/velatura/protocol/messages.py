"""The messages that clients and the daemon exchange, and how they lie on the wire: docs/protocol.md, in code.

A message is one msgpack header frame, and for `put` and `preview` one binary frame behind it. Unknown fields are
ignored, so that a minor version can add some.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgpack

from velatura.errors import BadMessage, UnknownMessage, VersionMismatch
from velatura.pixels import PictureRef
from velatura.short_repr import short_repr

VERSION = (2, 0)  # major, minor: another major is refused, another minor is not

CHUNK = 4 << 20  # bytes, the most pixels in one put
HEADER_LIMIT = 64 << 10  # bytes, the largest header
MAX_FRAME = CHUNK + (4 << 10)  # ZMQ_MAXMSGSIZE, for every frame
WINDOW = 4 * CHUNK  # bytes that a receiver lets a sender be ahead
MAX_STYLES = 16
MAX_NAME = 256  # characters of a client_id, job, layer or title
MAX_NOTE = 4096  # characters of a client's note to itself, or of where a style came from

Buffer = bytes | bytearray | memoryview  # a binary frame, never copied on its way


@dataclass(frozen=True)
class Message:
    """Base of all messages. `type` is its name on the wire; `frames` how many binary frames follow its header."""

    type: ClassVar[str] = ""
    frames: ClassVar[int] = 0


# --- the handshake ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Hello(Message):
    """client → daemon, first. nonce: 32 random bytes. client_id: kept by the editor; results belong to it."""

    type: ClassVar[str] = "hello"
    version: list[int]
    nonce: bytes
    client_id: str
    program: str
    build: str = ""


@dataclass(frozen=True)
class Challenge(Message):
    """daemon → client: its own nonce, and its proof that it knows the key."""

    type: ClassVar[str] = "challenge"
    version: list[int]
    nonce: bytes
    proof: bytes


@dataclass(frozen=True)
class Proof(Message):
    """client → daemon: the client's proof."""

    type: ClassVar[str] = "proof"
    proof: bytes


@dataclass(frozen=True)
class Welcome(Message):
    """daemon → client. session_id: 16 random bytes that every later header repeats. heartbeat: seconds; a client that
    is silent for two is taken for gone. limits: max_megapixels and the like. results: finished and not yet fetched."""

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
    """receiver → sender: send bytes [start, until) of this blob. More `get`s follow as bytes arrive: credit.
    ticket: the receiver's number for this transfer; the puts repeat it."""

    type: ClassVar[str] = "get"
    blob: bytes
    start: int
    until: int
    ticket: int


@dataclass(frozen=True)
class Put(Message):
    """sender → receiver: bytes [offset, offset + len(data)) of a blob of `size` bytes, in order, CHUNK at most."""

    type: ClassVar[str] = "put"
    frames: ClassVar[int] = 1
    blob: bytes
    size: int
    offset: int
    ticket: int
    data: Buffer = dataclasses.field(repr=False, default=b"")


# --- a job -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Restyle(Message):
    """client → daemon. styles: [{'picture': …, 'share': …, 'region': …}]; a region says where in the content the style
    goes, None: wherever no region is. mask, region: GRAY pictures of the content's size, or None.
    layer: the client's name for what is restyled; a newer job for it replaces an older. adjust: a knob was moved:
    start from the last picture of this layer where it still fits. weights, device: names, 'auto' leaves it to the
    daemon. title: the layer's name for people. note: the client's own words, given back with what is kept of the job.
    remember: whether it goes into the history, and is kept when it is stopped, as one with a note is anyway: one of
    thirty figures is not worth either. A style may have a name and the path it came from, for the history: the daemon
    opens no path from the wire."""

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
    """daemon → client: all pictures are here and the job is in the queue."""

    type: ClassVar[str] = "accepted"
    job: str


@dataclass(frozen=True)
class Queued(Message):
    """daemon → client. place: how many jobs come before it; 0: it is being worked on."""

    type: ClassVar[str] = "queued"
    job: str
    place: int


@dataclass(frozen=True)
class Progress(Message):
    """daemon → client. scale `level` of `levels` (from 0), its size, step of steps there, losses, seconds left."""

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
    """daemon → client: the picture in work, small, RGB u8 sRGB. Answered with `seen`; none is sent before that."""

    type: ClassVar[str] = "preview"
    frames: ClassVar[int] = 1
    job: str
    level: int
    width: int
    height: int
    data: Buffer = dataclasses.field(repr=False, default=b"")


@dataclass(frozen=True)
class PreviewShown(Message):
    """client → daemon: the preview is on the screen; send the next."""

    type: ClassVar[str] = "preview_shown"
    job: str


@dataclass(frozen=True)
class Result(Message):
    """daemon → client: done. picture: to be fetched with `get`. left, top: where its box lies in the content.
    started_from: content, noise or last. notes: sentences that a painter should read. mask: what was selected, a
    picture to be fetched likewise, or None for all."""

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
    """client → daemon: the result has arrived; the daemon may forget it."""

    type: ClassVar[str] = "received"
    job: str


@dataclass(frozen=True)
class Failed(Message):
    """daemon → client. job: empty where no job was meant. code: of velatura.errors. sentence: for people."""

    type: ClassVar[str] = "failed"
    job: str
    code: str
    sentence: str


@dataclass(frozen=True)
class Notice(Message):
    """daemon → client: something a painter should know, while the job goes on."""

    type: ClassVar[str] = "notice"
    job: str
    sentence: str


@dataclass(frozen=True)
class Cancel(Message):
    """client → daemon."""

    type: ClassVar[str] = "cancel"
    job: str


@dataclass(frozen=True)
class Cancelled(Message):
    """daemon → client, at once. replaced_by: the newer job for the same layer, or empty."""

    type: ClassVar[str] = "cancelled"
    job: str
    replaced_by: str = ""


# --- what is kept ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class ListSaved(Message):
    """client → daemon: which results wait, which restyles were stopped midway? everyone: of all programs of this user,
    not this one alone."""

    type: ClassVar[str] = "list_saved"
    everyone: bool = False


@dataclass(frozen=True)
class SavedList(Message):
    """daemon → client. data: a msgpack list of maps, the latest first: `velatura.client.saved_results` reads them."""

    type: ClassVar[str] = "saved_list"
    frames: ClassVar[int] = 1
    data: Buffer = dataclasses.field(repr=False, default=b"")


@dataclass(frozen=True)
class Resume(Message):
    """client → daemon: take up a restyle that was stopped midway, as a job of this session with the same id. client:
    whose it was, '' for one's own. how: 'go_on' to its end, or 'as_it_is': the picture as far as it got."""

    type: ClassVar[str] = "resume"
    job: str
    client: str = ""
    how: str = "go_on"


@dataclass(frozen=True)
class Drop(Message):
    """client → daemon: forget a result, or a restyle that was stopped midway. client: whose it was, '' for one's
    own."""

    type: ClassVar[str] = "drop"
    job: str
    client: str = ""


@dataclass(frozen=True)
class GetHistory(Message):
    """client → daemon: the restyles that were made. before: those with a smaller number, 0 for the latest."""

    type: ClassVar[str] = "get_history"
    before: int = 0


@dataclass(frozen=True)
class History(Message):
    """daemon → client. data: a msgpack list of maps, the latest first: `velatura.client.saved_results` reads them."""

    type: ClassVar[str] = "history"
    frames: ClassVar[int] = 1
    data: Buffer = dataclasses.field(repr=False, default=b"")


@dataclass(frozen=True)
class Forget(Message):
    """client → daemon: wipe pictures, results, restyles stopped midway and the history. Answered with an empty
    `kept`."""

    type: ClassVar[str] = "forget"


# --- the daemon itself -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Ping(Message):
    """client → daemon: still here. Any other message says so too."""

    type: ClassVar[str] = "ping"


@dataclass(frozen=True)
class Pong(Message):
    """daemon → client: so am I."""

    type: ClassVar[str] = "pong"


@dataclass(frozen=True)
class GetEstimate(Message):
    """client → daemon: how long would it take? ticket: the client's name for the question."""

    type: ClassVar[str] = "get_estimate"
    ticket: str
    width: int
    height: int
    settings: dict[str, Any]
    weights: str = "auto"
    device: str = "auto"


@dataclass(frozen=True)
class Estimate(Message):
    """daemon → client: the answer to `ask_estimate`, or, with a job's id as the ticket, told as the job begins.
    seconds: below 0 where this device has not been measured. memory: bytes at the peak. tile: longest side of the tiles
    that the largest scale is worked on in, 0 for the whole. sentence: the same for people."""

    type: ClassVar[str] = "estimate"
    ticket: str
    seconds: float
    memory: int
    tile: int
    device: str
    sentence: str


@dataclass(frozen=True)
class GetStatus(Message):
    """client → daemon."""

    type: ClassVar[str] = "get_status"


@dataclass(frozen=True)
class Status(Message):
    """daemon → client. report: what is warm, where, how much: docs/protocol.md names the fields."""

    type: ClassVar[str] = "status"
    report: dict[str, Any]


@dataclass(frozen=True)
class Shutdown(Message):
    """client → daemon: leave. if_idle: only with nothing to do; else it answers `failed`."""

    type: ClassVar[str] = "shutdown"
    if_idle: bool


@dataclass(frozen=True)
class Bye(Message):
    """either → other: this side goes now."""

    type: ClassVar[str] = "bye"
    sentence: str = ""


MESSAGES: dict[str, type[Message]] = {cls.type: cls for cls in Message.__subclasses__()}


# --- packing ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Field:
    name: str
    kind: Any
    default: Any


def _fields_of(cls: type[Message]) -> list[_Field]:
    hints = typing.get_type_hints(cls)
    return [_Field(f.name, hints[f.name], f.default) for f in dataclasses.fields(cls) if f.name != "data"]


_FIELDS = {cls: _fields_of(cls) for cls in MESSAGES.values()}
_KINDS = {"list": list, "dict": dict}


def pack(message: Message, session: bytes = b"") -> list[Any]:
    """Frames to send: the header, and the binary frame of a put or preview, uncopied."""
    header = {f.name: getattr(message, f.name) for f in _FIELDS[type(message)]}
    header["type"] = message.type
    if session:
        header["session"] = session
    packed = msgpack.packb(header, use_bin_type=True)
    if len(packed) > HEADER_LIMIT:
        raise BadMessage(
            f"A {message.type} header of {len(packed)} bytes is over the limit of {HEADER_LIMIT}; use shorter names."
        )
    return [packed, getattr(message, "data")] if message.frames else [packed]  # noqa: B009  each with frames has it


def unpack(frames: Sequence[Any]) -> tuple[Message, bytes]:
    """The message in these frames, and the session its header carries. Raises BadMessage, saying what is wrong."""
    if not frames:
        raise BadMessage("A message without frames came.")
    header = unpack_header(frames[0])
    cls = MESSAGES.get(_text(header.get("type")))
    if cls is None:
        raise UnknownMessage(f"There is no message of type {short_repr(header.get('type'))} in protocol {VERSION[0]}.")
    if len(frames) != 1 + cls.frames:
        raise BadMessage(f"A {cls.type} message has {1 + cls.frames} frames; {len(frames)} came.")
    values = {f.name: _value(cls, f, header) for f in _FIELDS[cls]}
    if cls.frames:
        values["data"] = frames[1]
    session = header.get("session", b"")
    return cls(**values), session if isinstance(session, bytes) else b""


def unpack_header(frame: Any) -> dict[Any, Any]:
    """The map in a header frame, its size and nesting within limits."""
    view = memoryview(frame)
    if view.nbytes > HEADER_LIMIT:
        raise BadMessage(f"A header of {view.nbytes} bytes came; the limit is {HEADER_LIMIT}.")
    try:
        header = msgpack.unpackb(view, raw=False, strict_map_key=False)
    except Exception:
        raise BadMessage("A header came that is not msgpack.") from None
    if not isinstance(header, dict):
        raise BadMessage("A header came that is not a map.")
    return header


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _value(cls: type[Message], item: _Field, header: dict[Any, Any]) -> Any:
    if item.name not in header:
        if item.default is dataclasses.MISSING:
            raise BadMessage(f"A {cls.type} message lacks its field {item.name!r}.")
        return item.default
    value = header[item.name]
    if not _fits(item.kind, value):
        raise BadMessage(f"Field {item.name!r} of a {cls.type} message is of the wrong kind.")
    if (
        isinstance(value, str)
        and len(value) > MAX_NAME
        and item.name in ("client_id", "client", "job", "layer", "title", "program", "build", "device")
    ):
        raise BadMessage(f"Field {item.name!r} of a {cls.type} message has over {MAX_NAME} characters.")
    if isinstance(value, str) and item.name == "note" and len(value) > MAX_NOTE:
        raise BadMessage(f"Field 'note' of a {cls.type} message has over {MAX_NOTE} characters.")
    return float(value) if item.kind is float else value


def _fits(kind: Any, value: Any) -> bool:
    options = typing.get_args(kind) if type(None) in typing.get_args(kind) else (kind,)
    for option in options:
        option = typing.get_origin(option) or option
        if option is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return True
        if option is int and isinstance(value, int) and not isinstance(value, bool) and -(2**53) < value < 2**53:
            return True
        if option in (str, bytes, bool, list, dict, type(None)) and isinstance(value, option):
            return True
    return False


def check_version(version: Sequence[Any], other_side: str) -> None:
    """other_side: 'daemon' or 'client'. Raises VersionMismatch, which says which side to update."""
    if len(version) < 2 or not all(isinstance(part, int) for part in version):
        raise BadMessage("A version is two whole numbers.")
    if version[0] == VERSION[0]:
        return
    mine = "client" if other_side == "daemon" else "daemon"
    older = mine if version[0] > VERSION[0] else other_side
    words = {"client": "the plugin (or command line)", "daemon": "the daemon"}
    raise VersionMismatch(
        f"The {mine} speaks protocol {VERSION[0]}, the {other_side} protocol {version[0]}. Update {words[older]}: "
        + ("run 'velatura daemon stop' after updating the package." if older == "daemon" else "install it anew.")
    )


# --- reading what a restyle asks for ---------------------------------------------------------------
@dataclass(frozen=True)
class StyleShare:
    """One style, its share among several, any positive number, and where in the content it goes. name, path: for
    people, of what it came from; two styles that differ in them alone are the same."""

    picture: PictureRef
    share: float
    region: PictureRef | None = None
    name: str = dataclasses.field(default="", compare=False)
    path: str = dataclasses.field(default="", compare=False)

    @property
    def pictures(self) -> tuple[PictureRef, ...]:
        return (self.picture,) if self.region is None else (self.picture, self.region)


def styles_from_wire(value: list[Any]) -> list[StyleShare]:
    """Raises BadMessage."""
    if not 1 <= len(value) <= MAX_STYLES:
        raise BadMessage(f"A restyle takes 1 to {MAX_STYLES} styles; {len(value)} came.")
    styles = []
    for item in value:
        share = item.get("share", 1.0) if isinstance(item, dict) else None
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1e6:
            raise BadMessage("A style's share is a number over 0.")
        region = PictureRef.from_wire(item["region"]) if item.get("region") is not None else None
        name, path = item.get("name", ""), item.get("path", "")
        if not isinstance(name, str) or not isinstance(path, str) or len(name) > MAX_NAME or len(path) > MAX_NOTE:
            raise BadMessage(f"A style's name has up to {MAX_NAME} characters, its path up to {MAX_NOTE}.")
        styles.append(StyleShare(PictureRef.from_wire(item.get("picture")), float(share), region, name, path))
    return styles
