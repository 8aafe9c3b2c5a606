"""The clients and workers of the session fuzzer: connections that know the key, an honest client and what it has saved,
and what a worker does with its job."""

from __future__ import annotations

import atexit
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.conftest import picture
from tests.support.driven_server import DrivenServer, RawPeer, Script
from tests.support.simulated_executor import SimulatedExecutor
from velatura.errors import BadMessage
from velatura.pixels import Picture, blob_hash
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import CheckpointSaved, Estimated, JobFailed, JobNotice, JobPreview, JobStopped
from velatura_daemon.storage.history import History

CONFIG = DaemonConfig(tcp=False, heartbeat=2.0, park_seconds=20.0, max_megapixels=1.0, spool_megabytes=1)
STEP_ROUNDS = 60  # of the server's loop, at most, for one step
HANDSHAKE_ROUNDS = 8
QUIET_ROUNDS = 6  # enough for everything that a closed connection leaves behind

HONEST = "the honest client"
STYLE = picture(6, 5, seed=1)
SMALL, OTHER, MINE = picture(16, 6, seed=2), picture(8, 12, seed=3), picture(8, 8, seed=7)
# Each fits into the spool, and into the half of it that results may fill, but not all three at once.
LARGE, LARGE_TOO, LARGE_STYLE = picture(400, 384, seed=4), picture(400, 400, seed=5), picture(300, 200, seed=8)
GREY = picture(16, 6, seed=6, channels="GRAY")
PICTURES = {one.ref.blob: one for one in (STYLE, SMALL, OTHER, MINE, LARGE, LARGE_TOO, LARGE_STYLE, GREY)}


HISTORY_ENTRIES, HISTORY_THUMBNAIL = 40, 6 << 10  # a `history` reply of 240 KB: unread ones are noticed soon


class BrokenPromise(AssertionError):
    """What the server did that it must not do."""


class Client:
    """One connection, and what its owner knows."""

    def __init__(self, server: DrivenServer, client_id: str) -> None:
        self.peer = RawPeer(server)
        self.client_id = client_id
        self.session = b""
        self.challenge: p.Challenge | None = None
        self.gets: list[p.Get] = []
        self.nonce = b""

    def read(self) -> list[p.Message]:
        """All messages that have arrived."""
        messages = []
        try:
            while (message := self.peer.receive()) is not None:
                messages.append(message)
                self._note(message)
        except BadMessage as error:
            raise BrokenPromise(f"the server sent what cannot be read: {error.sentence}") from error
        return messages

    def _note(self, message: p.Message) -> None:
        if isinstance(message, p.Challenge):
            self.challenge = message
        elif isinstance(message, p.Welcome):
            self.session = message.session_id
        elif isinstance(message, p.Get):
            self.gets.append(message)
        elif isinstance(message, p.Put) and message.blob in PICTURES:
            whole = memoryview(PICTURES[message.blob].data)
            if bytes(message.data) != bytes(whole[message.offset : message.offset + len(message.data)]):
                raise BrokenPromise("a picture with the bytes of another one")

    def send(self, message: p.Message) -> None:
        self.peer.send(codec.pack(message, self.session))

    def say_hello(self, program: str = "tests") -> None:
        self.nonce = secrets.token_bytes(auth.NONCE_BYTES)
        self.peer.send(codec.pack(p.Hello(list(p.VERSION), self.nonce, self.client_id, program)))

    def prove(self, key: bytes) -> None:
        if self.challenge is None:
            return
        signed = (self.nonce, self.challenge.nonce, self.peer.endpoint)
        self.peer.send(codec.pack(p.Proof(auth.proof(key, "client", *signed, p.VERSION))))

    def enter(self, server: DrivenServer) -> Script:
        """The handshake, as far as the server goes along with it."""
        before, self.challenge = self.session, None
        self.say_hello()
        for _ in range(HANDSHAKE_ROUNDS):
            yield
            self.read()
            if self.challenge is not None:
                self.prove(server.key)
                self.challenge = None
            if self.session != before:
                return

    def answer_gets(self) -> None:
        for get in self.gets:
            data = PICTURES[get.blob].data
            self.send(p.Put(get.blob, len(data), 0, get.ticket, data))
        self.gets.clear()


def restyle(job: str, layer: str = "layer", content: Picture = SMALL, style: Picture = STYLE, **more: Any) -> p.Restyle:
    styles = [{"picture": style.ref.to_wire(), "share": 1.0}]
    return p.Restyle(job, layer, content.ref.to_wire(), styles, None, StyleSettings().to_wire(), **more)


# --- the honest client ---------------------------------------------------------------------------------
def honest_restyle(server: DrivenServer, client: Client, job: str, content: Picture = MINE) -> Script:
    """Submit a job and send its pictures; its worker has it afterwards."""
    client.send(restyle(job, f"layer of {job}", content))
    for _ in range(STEP_ROUNDS):
        yield
        free_workers(server)
        messages = client.read()
        client.answer_gets()
        if any(isinstance(message, p.Failed) for message in messages):
            raise BrokenPromise(f"an honest restyle is refused: {messages}")
        if any(worker.spec is not None and not worker.stopping for worker in server.workers.executors):
            return
    raise BrokenPromise("an honest restyle does not start")


def free_workers(server: DrivenServer) -> None:
    """Let workers stop that were asked to."""
    for worker in server.workers.executors:
        if worker.spec is not None and worker.stopping:
            worker.end(JobStopped(worker.spec.ticket))


def template_home() -> Path:
    """A home with a history, and of the honest client a result that was not fetched and a stopped restyle."""
    home = Path(tempfile.mkdtemp(prefix="vel-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    server = DrivenServer(home, CONFIG)
    server.play(_prepare(server))
    assert not server.log.problems, server.log.problems
    history = History(server.dirs.state / "history.sqlite")
    for number in range(HISTORY_ENTRIES):
        history.add(
            {
                "at": 1.7e9 + number,
                "program": "tests",
                "title": "",
                "width": 8,
                "height": 6,
                "seconds": 1.0,
                "weights": "w",
                "device": "cpu",
                "settings": {},
                "styles": [],
                "thumbnail": secrets.token_bytes(HISTORY_THUMBNAIL),
            }
        )
    history.close()
    return home


def _prepare(server: DrivenServer) -> Script:
    client = Client(server, HONEST)
    yield
    yield from client.enter(server)
    worker = server.workers.executors[0]
    yield from honest_restyle(server, client, "finished", OTHER)
    worker.finish()
    yield
    yield
    yield from honest_restyle(server, client, "stopped")
    worker_does(worker, "checkpoint")
    yield
    client.peer.close()
    for _ in range(QUIET_ROUNDS):
        yield
        free_workers(server)
    yield


# --- the workers ---------------------------------------------------------------------------------------
def check_inputs(worker: SimulatedExecutor) -> None:
    """Its pictures have the bytes of their hashes."""
    for item in worker.spec.inputs if worker.spec is not None else ():
        if blob_hash(item.file.read_bytes()) != item.picture.blob:
            raise BrokenPromise("a worker got a picture with the bytes of another one")


def worker_does(worker: SimulatedExecutor, what: object) -> None:
    for ticket in worker.estimates:
        worker.emit(Estimated(ticket, 1.0, 1, 0, "d", "About a second."))
    worker.estimates = []
    if worker.spec is None:
        return
    ticket = worker.spec.ticket
    if what == "finish":
        worker.finish()
    elif what == "checkpoint":
        worker.spec.files.checkpoint.write_bytes(b"picture")
        worker.emit(CheckpointSaved(ticket, 0.5, 1, b"", (b"",)))
    elif what == "preview":
        worker.emit(JobPreview(ticket, 0, 64, 64, bytes(64 * 64 * 3)))
    elif what == "notice":
        worker.emit(JobNotice(ticket, "a sentence\x1b]0;title\x07"))
    elif what == "die":
        worker.die()
    elif worker.stopping:
        worker.end(JobStopped(ticket))
    else:
        worker.end(JobFailed(ticket, "bad_mask" if what == "fail" else "out_of_memory", "It failed."))
