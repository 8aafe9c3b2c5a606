"""Authenticated clients that read nothing, never finish a message, or begin again and again: they cost the server
limited memory, which is returned when they hang up, and honest clients are served.

The server runs without Python's garbage collector, so that memory which only it could return counts.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ENDLESS, Daemon, picture
from tests.support.daemons import status_when, until
from tests.support.peers import PlainPeer, open_session
from velatura.app_dirs import make_private_folder
from velatura.client.connection_file import ConnectionInfo, find
from velatura.client.launch import Launcher
from velatura.errors import TooBusy
from velatura.protocol import codec, zmtp
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.server.buffer_budget import BUDGET
from velatura_daemon.server.sessions import MAX_SESSIONS
from velatura_daemon.storage.history import MAX_RESTYLES, History

UNCHANGED = StyleSettings(strength=0)
THUMBNAIL = 20_000  # bytes; 200 of them make a history as long as a message may be
OTHER = 24 << 20  # bytes that the server may grow beside the messages: sockets, heap, a reply in the making
WITHOUT_COLLECTOR = (
    "import gc, runpy; gc.disable(); runpy.run_module('velatura_daemon', run_name='__main__', alter_sys=True)"
)


class DaemonWithoutCollector(Daemon):
    @property
    def launcher(self) -> Launcher:
        launcher = super().launcher
        command = [*launcher.command]
        at = command.index("-m")
        command[at : at + 2] = ["-c", WITHOUT_COLLECTOR]
        return Launcher(tuple(command), launcher.build)


def fill_history(daemon: Daemon) -> None:
    history = History(make_private_folder(daemon.dirs.state) / "history.sqlite")
    assert history._connection is not None
    history._connection.execute("begin")  # one flush to the disk, not 200
    for number in range(MAX_RESTYLES):
        history.add(
            {
                "at": float(number),
                "program": "tests",
                "title": f"layer {number}",
                "width": 10,
                "height": 10,
                "seconds": 1.0,
                "weights": "builtin",
                "device": "cpu",
                "settings": {},
                "styles": [],
                "thumbnail": secrets.token_bytes(THUMBNAIL),
            }
        )
    history._connection.execute("commit")
    history.close()


class Served:
    """A daemon with a long history, an honest client that is served, and raw sessions. options: as for Daemon."""

    def __init__(self, home: Path, *options: str) -> None:
        self.daemon = DaemonWithoutCollector(home, options)
        fill_history(self.daemon)
        self.honest = self.daemon.client("honest")
        self.honest.status()
        info = find(self.daemon.dirs)
        assert info is not None
        self.info: ConnectionInfo = info
        self.server = psutil.Process(info.pid)
        with self.peers(1) as [(peer, session)]:  # what the first reply costs once is not counted
            peer.send(codec.pack(p.GetHistory(0), session))
            assert isinstance(peer.receive(60), p.History)
        self.before = self.server.memory_info().rss

    @property
    def grown(self) -> int:
        return self.server.memory_info().rss - self.before

    def serve(self) -> None:
        content = picture(seed=3)
        done = self.honest.restyle_and_wait(content, [(picture(seed=4), 1.0)], UNCHANGED)
        assert done.picture.data == content.data

    def wait_until_idle(self) -> None:
        """Let the server work through what has arrived."""
        for _ in range(100):
            self.honest.status()

    @contextlib.contextmanager
    def peers(self, number: int) -> Iterator[list[tuple[PlainPeer, bytes]]]:
        """Sessions of raw peers, which have hung up afterwards."""
        opened: list[tuple[PlainPeer, bytes]] = []
        before = self.honest.status()["sessions"]
        try:
            for index in range(number):
                peer = PlainPeer(self.info.endpoints[0])
                opened.append((peer, open_session(peer, self.info.key, f"raw {index}")))
            yield opened
        finally:
            for peer, _ in opened:
                peer.close()
            status_when(self.honest, lambda report: report["sessions"] <= before)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    one = Served(folder)
    one.serve()
    one.before = one.server.memory_info().rss
    yield one
    one.daemon.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def impatient() -> Iterator[Served]:
    """A daemon that ends sessions after six seconds of silence."""
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    one = Served(folder, "--heartbeat", "2", "--park-seconds", "6")
    yield one
    one.daemon.stop()
    shutil.rmtree(folder, ignore_errors=True)


def ask_for_history(peer: PlainPeer, session: bytes, times: int, before: int = 0) -> None:
    """Many requests in one write: the server soon stops reading."""
    peer.write(b"".join(zmtp.message_parts(codec.pack(p.GetHistory(before), session))) * times)


# --- replies -----------------------------------------------------------------------------------------
def test_replies_that_are_not_read_are_made_one_at_a_time(served):
    with served.peers(1) as [(peer, session)]:
        ask_for_history(peer, session, 260)
        served.wait_until_idle()
        assert served.grown < zmtp.MAX_MESSAGE + OTHER
        served.serve()
    assert served.grown < OTHER


def test_however_many_requests_are_sent_at_once_each_is_answered(served):
    with served.peers(1) as [(peer, session)]:
        ask_for_history(peer, session, 260, before=5)
        served.wait_until_idle()
        assert all(isinstance(peer.receive(60), p.History) for _ in range(260))


def test_the_unread_replies_of_all_clients_share_a_limit(served):
    with served.peers(40) as peers:
        for peer, session in peers:
            ask_for_history(peer, session, 4)
        served.wait_until_idle()
        assert served.grown < BUDGET + OTHER
        served.serve()
    assert served.grown < OTHER


@pytest.mark.parametrize("ask", [p.GetStatus, p.Ping, lambda: p.Drop("x" * 9000, ""), lambda: p.Resume("x" * 200, "")])
def test_small_answers_that_are_not_read_cost_little(served, ask: Callable[[], p.Message]):
    with served.peers(8) as peers:
        for peer, session in peers:
            peer.socket.settimeout(0.2)  # the server stops reading
            for _ in range(4):
                peer.write(b"".join(zmtp.message_parts(codec.pack(ask(), session))) * 100)
        served.wait_until_idle()
        assert served.grown < OTHER
        served.serve()


def test_a_client_that_asks_and_never_reads_is_cut_off(impatient):
    with impatient.peers(1) as [(peer, session)]:
        ask_for_history(peer, session, 300)
        status_when(impatient.honest, lambda report: report["sessions"] == 1)


def test_a_client_that_reads_slowly_is_not_taken_for_silent(impatient):
    with impatient.peers(1) as [(peer, session)]:
        replies = 8
        ask_for_history(peer, session, replies)
        parser = zmtp.FrameParser()
        received = 0
        parser.is_ready = True
        parser._await_flags()
        while received < replies:
            impatient.honest.status()
            count = peer.socket.recv_into(parser.get_buffer()[: 64 << 10])
            assert count, "the daemon has ended the session"
            received += count > 0 and parser.buffer_updated(count) is not None
        peer.send(codec.pack(p.Ping(), session))
        assert isinstance(peer.receive(60), p.Pong)


# --- messages that never end -------------------------------------------------------------------------
def push_all(peers: list[tuple[PlainPeer, bytes]], data: bytes, served: Served) -> None:
    """Send to all at once, as much as the server reads."""
    left = {peer.socket: memoryview(data) for peer, _ in peers}
    for one in left:
        one.setblocking(False)
    idle = 0
    while left and idle < 20:
        idle += 1
        for one, rest in list(left.items()):
            with contextlib.suppress(BlockingIOError):
                try:
                    sent = one.send(rest)
                except (BrokenPipeError, ConnectionResetError):
                    del left[one]
                    continue
                idle = 0
                left[one] = rest[sent:]
                if not left[one]:
                    del left[one]
        served.honest.status()


PIECE = 4 << 20
UNFINISHED = {
    "many frames": (zmtp.frame_header(zmtp.MORE, PIECE) + bytes(PIECE)) * 7,
    "one frame": zmtp.frame_header(0, PIECE) + bytes(PIECE - 1),
    "small frames": (zmtp.frame_header(zmtp.MORE, 60_000) + bytes(60_000)) * 7,
}


@pytest.mark.parametrize("data", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_unfinished_messages_share_a_limit_and_their_memory_is_returned(served, data):
    with served.peers(30) as peers:
        push_all(peers, data, served)
        assert served.grown < BUDGET + OTHER
        served.serve()
    assert served.grown < OTHER


# --- sessions ----------------------------------------------------------------------------------------
def test_a_connection_has_one_session_however_often_it_authenticates(served):
    before = served.honest.status()["sessions"]
    with served.peers(1) as [(peer, first)]:
        for index in range(300):
            session = open_session(peer, served.info.key, f"again {index}")
        assert served.honest.status()["sessions"] == before + 1
        peer.send(codec.pack(p.Ping(), first))
        assert isinstance(peer.receive(60), p.Failed)
        peer.send(codec.pack(p.Ping(), session))
        assert isinstance(peer.receive(60), p.Pong)


class DealerOf:
    """The connection of a client, as a raw peer."""

    def __init__(self, client) -> None:
        self.dealer, self.endpoint = client._connection._dealer, client._connection._handshake._endpoint

    def send(self, frames) -> None:
        assert self.dealer.send(frames)

    def receive(self, seconds: float) -> p.Message | None:
        while (frames := self.dealer.receive()) is None:
            self.dealer.wait(seconds)
        return codec.unpack(frames)[0]

    def close(self, linger: float = 0.0) -> None:
        pass


def test_the_jobs_of_a_session_stop_when_its_connection_authenticates_again(served):
    with served.daemon.client("editor") as editor:
        job = editor.restyle(picture(200, 150, seed=1), [(picture(seed=4), 1.0)], ENDLESS)
        until(editor, p.Progress, job)
        assert served.honest.status()["jobs"]
        open_session(DealerOf(editor), served.info.key, "editor")
        assert not served.honest.status()["jobs"]


def test_the_number_of_sessions_is_limited(served):
    with served.peers(0) as peers:
        for index in range(MAX_SESSIONS + 8):
            peer = PlainPeer(served.info.endpoints[0])
            peers.append((peer, b""))
            with contextlib.suppress(TooBusy):  # on a slow machine the first ones are silent by then, and make room
                open_session(peer, served.info.key, f"raw {index}")
        assert served.honest.status()["sessions"] == MAX_SESSIONS
    served.serve()
