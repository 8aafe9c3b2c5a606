"""The header decoder, and what each side does next with a decoded message, before it is trusted."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

from tests.fuzz.mutate import treewise
from velatura.errors import BadMessage, VelaturaError, WrongHash
from velatura.pixels import PictureRef, PixelFormat, blob_hash
from velatura.protocol import auth, codec, transfer
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.jobs.job import QUEUED
from velatura_daemon.jobs.validation import estimate_inputs, job_from
from velatura_daemon.scheduling.queue import Queue

MAX_BYTES = p.HEADER_LIMIT + 16

LIMIT = 100.0  # megapixels
BLOB = bytes(range(256)) * 4
SESSION = b"s" * 16
CONTENT = PictureRef(blob_hash(BLOB), 16, 16, PixelFormat("RGBA"), b"p" * 32)
GREY = PictureRef(b"g" * 32, 16, 16, PixelFormat("GRAY"))
STYLE = {"picture": CONTENT.to_wire(), "share": 1.0, "region": GREY.to_wire()}

MESSAGES = [
    p.Hello(list(p.VERSION), b"n" * 32, "client", "fuzz", "build"),
    p.Challenge(list(p.VERSION), b"n" * 32, b"p" * 32),
    p.Proof(b"p" * 32),
    p.Welcome(SESSION, "build", 5.0, True, {"max_megapixels": LIMIT}, [{"job": "j", "picture": CONTENT.to_wire()}]),
    p.Get(CONTENT.blob, 0, len(BLOB), 1),
    p.Put(CONTENT.blob, len(BLOB), 0, 1, BLOB),
    p.Restyle(
        "job",
        "layer",
        CONTENT.to_wire(),
        [STYLE, {"picture": CONTENT.to_wire(), "share": 2}],
        GREY.to_wire(),
        StyleSettings().to_wire(),
        True,
    ),
    p.Restyle(
        "job", "layer", CONTENT.to_wire(), [STYLE], None, {"quality": "draft", "strength": 3}, weights="imagenet"
    ),
    p.Preview("job", 1, 4, 4, bytes(48)),
    p.Result(
        "job",
        "layer",
        CONTENT.to_wire(),
        0,
        0,
        "w",
        "cpu",
        1.0,
        1.0,
        1.0,
        "content",
        StyleSettings().to_wire(),
        ["note"],
    ),
    p.Failed("job", "internal", "sentence"),
    p.Cancel("job"),
    p.Cancelled("job", "other"),
    p.Received("job"),
    p.StepReceived("job"),
    p.Ping(),
    p.ListSaved(True),
    p.Resume("job", "client"),
    p.Drop("job"),
    p.GetHistory(7),
    p.Forget(),
    p.GetEstimate("ticket", 640, 480, {"quality": "best"}, style_pixels=[65536, 4096], regions=1),
    p.GetStatus(),
    p.Shutdown(True),
    p.Bye("so long"),
    p.PreviewShown("job"),
]


def seeds() -> Iterator[bytes]:
    for message in MESSAGES:
        yield codec.pack(message, SESSION)[0]


def mutate(data: bytes, source: random.Random) -> bytes:
    return treewise(data, source, MAX_BYTES)


def run_one(data: bytes) -> None:
    """Every header gives a message or BadMessage; every message gives a job, a response, or an error that can be
    sent."""
    for frames in ([data], [data, BLOB]):
        job = ""
        try:
            message, session = _read(frames)
            job = getattr(message, "job", "")
            _serve(message, session)
        except VelaturaError as error:
            codec.pack(p.Failed(job[: p.MAX_NAME], error.code, error.sentence[:2000]))


def _read(frames: list[bytes]) -> tuple[p.Message, bytes]:
    try:
        message, session = codec.unpack(frames)
    except VelaturaError as error:
        assert isinstance(error, BadMessage), f"a header is refused as {type(error).__name__}"
        raise
    again, token = (
        codec.unpack(codec.pack(message, session)) if len(frames[0]) <= p.HEADER_LIMIT // 2 else (message, session)
    )
    assert type(again) is type(message)
    assert token == session
    return message, session


def _serve(message: p.Message, session: bytes) -> None:
    if isinstance(message, p.Restyle):
        _restyle(message, session)
    elif isinstance(message, p.Hello):
        codec.check_version(message.version, "client")
        auth.proof(b"k" * 32, "daemon", message.nonce, b"n" * 32, "ipc://x", message.version)
    elif isinstance(message, p.Challenge):
        codec.check_version(message.version, "daemon")
        auth.constant_time_equal(message.proof, b"p" * 32)
    elif isinstance(message, p.GetEstimate):
        StyleSettings.from_wire(message.settings)
        estimate_inputs(message, 268.0)
    elif isinstance(message, p.Get):
        sent = list(transfer.put_messages(message, memoryview(BLOB)))
        assert sum(len(put.data) for put in sent) <= len(BLOB)
        assert all(0 <= put.offset < len(BLOB) for put in sent)
    elif isinstance(message, p.Put):
        received = bytearray()
        with contextlib.suppress(BadMessage, WrongHash):
            transfer.Download(CONTENT.blob, received.extend, None, 1 << 20).add(message)
        assert len(received) <= min(1 << 20, len(message.data))
    elif isinstance(message, p.Result):
        ref = PictureRef.from_wire(message.picture)
        assert ref.length > 0
        assert all(isinstance(blob, bytes) for blob in ref.blobs)


def _restyle(message: p.Restyle, session: bytes) -> None:
    job = job_from(message, session, "client", "fuzz", LIMIT)
    assert job.content.megapixels <= LIMIT
    assert 1 <= len(job.styles) <= p.MAX_STYLES
    assert all(style.share > 0 for style in job.styles)
    assert all(picture.megapixels <= LIMIT and picture.length > 0 for picture in job.pictures)
    assert all(isinstance(blob, bytes) and len(blob) == 32 for blob in job.blobs)
    assert StyleSettings.from_wire(job.settings.to_wire()) == job.settings
    assert job.warm_start_key == job.warm_start_key
    queue = Queue()
    queue.add(job)
    job.state = QUEUED
    assert queue.in_order() == [job]
