"""What another daemon sends to the executor that gave it a job. An input is a list of [header, data] in msgpack; in a
header, JOB stands for the id of the job and TICKET for the ticket of the last `get` or estimate."""

from __future__ import annotations

import atexit
import functools
import random
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgpack

from tests.fuzz.mutate import treewise
from tests.support.driven_server import held_bytes
from tests.support.specs import CONTENT, spec_in
from velatura.app_dirs import app_dirs
from velatura.errors import UnknownMessage, VelaturaError
from velatura.pixels import Picture
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.executors.remote.routes import FileRoute
from velatura_daemon.executors.remote.session import RemoteSession
from velatura_daemon.jobs.events import Estimated, JobDone, JobFailed, JobNotice, JobPreview, WorkerEvent
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec
from velatura_daemon.scheduling.estimate_broker import estimate_message

MAX_BYTES = 2 * p.HEADER_LIMIT

MAX_MESSAGES = 60
MAX_HELD = 8 << 20  # bytes of the session, in all; the job's own pictures are mapped
RESULT = Picture(CONTENT.width, CONTENT.height, CONTENT.format, bytes(reversed(CONTENT.data)))
LONGEST_JOB = "😀" * p.MAX_NAME


@functools.cache
def _spec() -> JobSpec:
    folder = Path(tempfile.mkdtemp(prefix="vel-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return spec_in(folder)


def _result(**changes: Any) -> list[Any]:
    settings = StyleSettings().to_wire()
    result = p.Result("JOB", "l", RESULT.ref.to_wire(), 0, 0, "w", "d", 1.0, 1.0, 1.0, "content", settings, ["note"])
    return [{**_header(result), **changes}]


def _header(message: p.Message) -> dict[str, Any]:
    fields: dict[str, Any] = msgpack.unpackb(codec.pack(message)[0])
    return fields


def seeds() -> Iterator[bytes]:
    put = [_header(p.Put(RESULT.ref.blob, len(RESULT.data), 0, 1)) | {"ticket": "TICKET"}, bytes(RESULT.data)]
    estimate = [_header(p.Estimate("TICKET", 1.0, 1 << 30, 0, "cuda:0", "About a second."))]
    progress = [_header(p.Progress("JOB", 0, 1, 16, 16, 1, 10, 1.0, 1.0, 0.1, 5.0))]
    preview = [_header(p.Preview("JOB", 0, 4, 4)), bytes(48)]
    others: list[p.Message] = [
        p.Accepted("JOB"),
        p.Queued("JOB", 0),
        p.Queued("JOB", 5),
        p.Notice("JOB", "sentence"),
        p.Failed("JOB", "too_busy", "sentence"),
        p.Failed("", "no_session", "sentence"),
        p.Cancelled("JOB", ""),
        p.Bye("so long"),
        p.Pong(),
        p.Status({"worker": {"device": "cuda:0", "weights": "w"}, "jobs": []}),
    ]
    for message in others:
        yield msgpack.packb([[_header(message)], progress])
    yield msgpack.packb([[_header(p.Get(CONTENT.ref.blob, 0, 1 << 20, 7))] * 3])
    yield msgpack.packb([progress, preview, progress, _result(), put])
    yield msgpack.packb([[_header(p.Preview("JOB", 0, 0, 0)), b""], progress])
    yield msgpack.packb([_result(left=1), _result(picture={}), _result(mask=CONTENT.ref.to_wire())])
    yield msgpack.packb([_result(notes=["n" * 1000] * 60), put])
    for long in (
        p.Failed("JOB", "internal", ""),
        p.Notice("JOB", ""),
        p.Estimate("JOB", -1.0, 0, 0, "", ""),
        p.Bye(""),
    ):
        yield msgpack.packb([[{**_header(long), "sentence": "s" * 65_300}]])
    yield msgpack.packb([[{**_header(p.Failed("JOB", "", "sentence")), "code": "c" * 65_300}]])
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    yield msgpack.packb([[{**_header(p.Status({})), "report": {"worker": {"device": deep}}}]])
    yield msgpack.packb([estimate, estimate, [_header(p.Failed("JOB", "internal", "s" * 3000))]])
    yield msgpack.packb([[_header(p.SavedList()), b"\x90"], [_header(p.History()), b"\x91\x80"]])


def mutate(data: bytes, source: random.Random) -> bytes:
    return treewise(data, source, MAX_BYTES)


@dataclass
class _Connection:
    """The connection of a session, after the handshake. sent: what the session has sent."""

    frames: list[list[bytes]] = field(default_factory=list)
    sent: list[p.Message] = field(default_factory=list)
    ready: bool = True
    is_waiting = needs_write = False
    last_received_at = 1e12
    patience = 0.0
    daemon_version = p.VERSION
    route = FileRoute(Path("/nowhere/connection.json"))

    def fileno(self) -> None: ...
    def start_connecting(self) -> None: ...
    def advance(self) -> None: ...
    def keep_alive(self) -> None: ...
    def check_alive(self) -> None: ...

    def receive(self) -> p.Message | None:
        while self.ready and self.frames:
            try:
                return codec.unpack(self.frames.pop(0))[0]
            except UnknownMessage:
                continue
        return None

    def send(self, message: p.Message) -> bool:
        codec.pack(message, b"s" * 16)
        self.sent.append(message)
        return True

    def disconnect(self) -> None:
        self.ready = False

    close = disconnect


def run_one(data: bytes) -> None:
    """No error but a failed job; every report can be sent on to a client; a result is of the size and format that was
    asked for; memory stays within the limits."""
    try:
        messages = msgpack.unpackb(data, strict_map_key=False)
    except Exception:
        return
    connection, events = _Connection(), []
    monitor = SimpleNamespace(
        lost=False,
        has_alternative=False,
        others_reachable=False,
        work_goes_on=False,
        **{name: lambda *_: None for name in ("check_others", "on_lost", "on_found", "on_welcome")},
    )
    owner = SimpleNamespace(is_first=True, others_running=True, emit=events.append)
    session = RemoteSession(connection, app_dirs({"VELATURA_HOME": "/nowhere"}), 0.0, monitor, owner)  # type: ignore[arg-type]
    session.run(_spec())
    session.estimate(EstimateRequest("estimate 1", 100, 100, StyleSettings(), "auto", "auto"))
    job = session.job.request.job if session.job is not None else ""
    for message in messages[:MAX_MESSAGES] if isinstance(messages, list) else []:
        frames = _frames(message, job, connection.sent)
        if frames is None:
            continue
        connection.frames.append(frames)
        session.step()
        for event in events:
            _check(event)
        events.clear()
        connection.sent[:-1] = []
        held = held_bytes(session, without=(connection, owner, monitor))
        assert held < MAX_HELD, f"the session holds {held >> 10} KB"
        if session.job is None or not connection.ready:
            return


def _frames(message: Any, job: str, sent: list[p.Message]) -> list[bytes] | None:
    if not (isinstance(message, list) and message and isinstance(message[0], dict)):
        return None
    ticket = next((one.ticket for one in reversed(sent) if isinstance(one, (p.Get, p.GetEstimate))), 0)
    real = {"JOB": job, "TICKET": ticket}
    header = {key: real.get(value, value) if isinstance(value, str) else value for key, value in message[0].items()}
    try:
        return [msgpack.packb(header), *(part for part in message[1:3] if isinstance(part, bytes))]
    except Exception:  # a surrogate, or an integer of more than 64 bits
        return None


def _check(event: WorkerEvent) -> None:
    """What a server does with it: it tells the client."""
    if isinstance(event, JobDone):
        assert (event.picture.width, event.picture.height) == (CONTENT.width, CONTENT.height)
        assert event.picture.format == CONTENT.format
        told: p.Message = p.Result(
            LONGEST_JOB,
            LONGEST_JOB,
            event.picture.to_wire(),
            event.left,
            event.top,
            event.weights,
            event.device,
            event.seconds,
            event.content_loss,
            event.style_loss,
            event.started_from,
            StyleSettings().to_wire(),
            list(event.notes),
        )
    elif isinstance(event, JobFailed):
        told = p.Failed(LONGEST_JOB, event.code, event.sentence)
    elif isinstance(event, JobNotice):
        told = p.Notice(LONGEST_JOB, event.sentence)
    elif isinstance(event, Estimated):
        told = estimate_message(event, LONGEST_JOB)
    elif isinstance(event, JobPreview):
        assert event.width > 0, "a preview without pixels"
        assert event.height > 0, "a preview without pixels"
        return
    else:
        return
    try:
        codec.unpack([*codec.pack(told)])
    except VelaturaError as error:
        raise AssertionError(f"a client would never hear of this {type(event).__name__}: {error.sentence}") from error
