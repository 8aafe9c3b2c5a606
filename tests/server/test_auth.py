"""Nobody but the user may use, or pose as, the daemon: raw peers at a real one, and an impostor for a real client."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import stat
from pathlib import Path

import msgpack
import pytest
import zmq

from tests.conftest import QUICK, Daemon, picture
from velatura.app_dirs import read_private_file, write_private_file
from velatura.client.connection_file import ConnectionInfo, find, publish
from velatura.client.locks import Lock
from velatura.errors import NotTrusted, UnsafeConnectionFile, VersionMismatch
from velatura.protocol import auth, codec, zmtp
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


class RawPeer:
    """Somebody who speaks ZeroMQ and has not read our rules."""

    def __init__(self, endpoint: str, routing_id: bytes = b"") -> None:
        self.endpoint = endpoint
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        if routing_id:
            self.socket.setsockopt(zmq.ROUTING_ID, routing_id)
        self.socket.connect(endpoint)

    def ask(self, *frames: bytes) -> p.Message | None:
        """Send, and the answer, or None where there is none within 2 s."""
        self.socket.send_multipart(frames)
        return self.hear()

    def hear(self, seconds: float = 2.0) -> p.Message | None:
        if not self.socket.poll(int(seconds * 1000)):
            return None
        return codec.unpack(self.socket.recv_multipart())[0]

    def greet(self, key: bytes) -> p.Message | None:
        """The whole handshake with that key."""
        nonce = secrets.token_bytes(32)
        challenge = self.ask(*codec.pack(p.Hello(list(p.VERSION), nonce, "raw", "raw")))
        assert isinstance(challenge, p.Challenge)
        said = (nonce, challenge.nonce, self.endpoint)
        return self.ask(*codec.pack(p.Proof(auth.proof(key, "client", *said, p.VERSION))))

    def close(self) -> None:
        self.context.destroy(linger=0)


@pytest.fixture(scope="module")
def connection(warm: Daemon) -> ConnectionInfo:
    with warm.client() as client:
        client.wait_until_ready()
    found = find(warm.dirs)
    assert found is not None
    return found


@pytest.fixture(params=["ipc", "tcp"])
def raw(connection, request):
    peer = RawPeer(next(e for e in connection.endpoints if e.startswith(request.param)))
    yield peer
    peer.close()


def still_well(warm: Daemon) -> bool:
    with warm.client() as client:
        return bool(client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).picture)


def test_who_knows_the_key_is_welcome(raw, connection):
    assert isinstance(raw.greet(connection.key), p.Welcome)


def test_a_wrong_key_is_refused(raw):
    answer = raw.greet(b"x" * 32)
    assert isinstance(answer, p.Failed)
    assert answer.code == "not_trusted"


def test_the_daemons_own_proof_is_not_taken_as_a_clients(raw):
    challenge = raw.ask(*codec.pack(p.Hello(list(p.VERSION), b"n" * 32, "raw", "raw")))
    answer = raw.ask(*codec.pack(p.Proof(challenge.proof)))
    assert answer.code == "not_trusted"


def test_a_proof_is_good_once(raw, connection):
    nonce = secrets.token_bytes(32)
    challenge = raw.ask(*codec.pack(p.Hello(list(p.VERSION), nonce, "raw", "raw")))
    proof = p.Proof(auth.proof(connection.key, "client", nonce, challenge.nonce, raw.endpoint, p.VERSION))
    assert isinstance(raw.ask(*codec.pack(proof)), p.Welcome)
    assert raw.ask(*codec.pack(proof)).code == "no_session"


@pytest.mark.parametrize(
    "message",
    [
        p.GetStatus(),
        p.Shutdown(False),
        p.Ping(),
        p.Cancel("x"),
        p.Get(b"h" * 32, 0, 10, 1),
        p.Restyle("j", "l", {}, [], None, {}),
        p.Resume("x"),
        p.ListSaved(True),
        p.GetHistory(),
        p.Forget(),
    ],
)
def test_without_hello_nothing_is_served(raw, warm, message):
    for session in (b"", b"s" * 16):
        assert raw.ask(*codec.pack(message, session)).code == "no_session"
    assert still_well(warm)


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"garbage"],
        [b"\xc1"],
        [b"\x91" * zmtp.MAX_UNAUTHENTICATED_FRAME],
        [msgpack.packb({"type": "hello"})],
        [msgpack.packb({"type": "hello", "version": "?", "nonce": b"", "client_id": "", "program": ""})],
        [msgpack.packb({"type": "proof", "proof": b""})],
    ],
)
def test_garbage_gets_an_error_and_the_daemon_goes_on(raw, warm, frames):
    assert isinstance(raw.ask(*frames), p.Failed)
    assert still_well(warm)


def hung_up_on(connection: ConnectionInfo, said: bytes) -> bool:
    """Whether a stranger who says this is hung up on. (Its greeting is answered first.)"""
    stranger = socket.socket(socket.AF_UNIX)
    stranger.settimeout(20)
    stranger.connect(connection.endpoints[0].removeprefix("ipc://"))
    with stranger, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        stranger.sendall(zmtp.GREETING + zmtp.ready(b"") + said)
        while stranger.recv(4096):
            pass
    return True


@pytest.mark.parametrize(
    "frames", [[b"", b""], [b"header", bytes(10)], [bytes(zmtp.MAX_UNAUTHENTICATED_FRAME + 1)], [b"x"] * 9]
)
def test_a_stranger_who_says_more_than_hello_takes_is_hung_up_on(connection, warm, frames):
    assert hung_up_on(connection, b"".join(zmtp.message_parts(frames)))
    assert still_well(warm)


def test_a_frame_over_the_limit_ends_that_connection_alone(raw, warm, connection):
    assert isinstance(raw.greet(connection.key), p.Welcome)
    raw.socket.send(bytes(p.MAX_FRAME + 1))
    assert raw.hear(0.5) is None
    assert still_well(warm)


def test_an_unknown_major_version_gets_a_sentence(raw):
    answer = raw.ask(*codec.pack(p.Hello([99, 0], b"n" * 32, "raw", "raw")))
    assert answer.code == VersionMismatch.code
    assert "Update" in answer.sentence


def test_a_peer_that_takes_over_a_routing_id_gets_nothing(warm, connection):
    endpoint = next(e for e in connection.endpoints if e.startswith("ipc"))
    honest = RawPeer(endpoint, b"well-known-id")
    welcome = honest.greet(connection.key)
    assert isinstance(welcome, p.Welcome)
    honest.close()
    thief = RawPeer(endpoint, b"well-known-id")
    for session in (b"", b"s" * 16, bytes(16)):
        for message in (p.GetStatus(), p.Shutdown(False), p.Get(b"h" * 32, 0, 10, 1)):
            assert thief.ask(*codec.pack(message, session)).code == "no_session"
    thief.close()
    assert still_well(warm)


def test_a_session_does_not_work_from_another_connection(raw, connection):
    welcome = raw.greet(connection.key)
    other = RawPeer(raw.endpoint)
    assert other.ask(*codec.pack(p.GetStatus(), welcome.session_id)).code == "no_session"
    other.close()


def test_a_trusted_peer_that_sends_nonsense_gets_sentences(raw, warm, connection):
    session = raw.greet(connection.key).session_id
    picture_map = CONTENT.ref.to_wire()
    style = [{"picture": STYLE.ref.to_wire(), "share": 1.0}]
    for message, code in [
        (p.Restyle("j", "l", {}, style, None, {}), "bad_message"),
        (p.Restyle("j", "l", {**picture_map, "width": 1}, style, None, {}), "picture_too_small"),
        (p.Restyle("j", "l", picture_map, [], None, {}), "bad_message"),
        (p.Restyle("j", "l", picture_map, [{"picture": 3}], None, {}), "bad_message"),
        (p.Restyle("j", "l", picture_map, style, None, {"strength": 1000}), "bad_setting"),
        (p.Restyle("j", "l", picture_map, style, None, {"magic": 1}), "bad_setting"),
        (
            p.Restyle("j", "l", {**picture_map, "width": 1 << 20, "height": 1 << 20}, style, None, {}),
            "picture_too_large",
        ),
        (p.Get(b"h" * 32, 0, 10, 1), "unknown_blob"),
        (p.Welcome(b"", "", 1.0, True, {}, []), "bad_message"),
    ]:
        answer = raw.ask(*codec.pack(message, session))
        assert (answer.code, bool(answer.sentence)) == (code, True)
    assert still_well(warm)


def test_a_sentence_too_long_to_send_does_not_take_the_daemon_down(raw, warm, connection):
    session = raw.greet(connection.key).session_id
    odd = {**CONTENT.ref.to_wire(), "channels": "\0" * 40000}
    answer = raw.ask(*codec.pack(p.Restyle("j", "l", odd, [], None, {}), session))
    assert (answer.code, len(answer.sentence) < 3000) == ("bad_message", True)
    answer = raw.ask(*codec.pack(p.Restyle("j" * 60000, "l", {}, [], None, {}), session))
    assert answer.code == "bad_message"
    assert still_well(warm)


def test_pixels_that_do_not_give_their_hash_fail_the_job(raw, connection):
    session = raw.greet(connection.key).session_id
    lie = picture(seed=99).ref
    style = [{"picture": lie.to_wire(), "share": 1.0}]
    asked = raw.ask(*codec.pack(p.Restyle("j", "l", lie.to_wire(), style, None, QUICK.to_wire()), session))
    assert isinstance(asked, p.Get)
    answer = raw.ask(*codec.pack(p.Put(lie.blob, lie.length, 0, asked.ticket, bytes(lie.length)), session))
    assert (answer.job, answer.code) == ("j", "wrong_hash")


def test_the_socket_and_the_key_are_the_users_alone(warm, connection):
    path = Path(connection.endpoints[0].removeprefix("ipc://"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(warm.dirs.connection_file.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in warm.dirs.spool.iterdir())


def as_nobody(action) -> bytes:
    """What another user of this machine gets from it. Root proves nothing, so a child changes its uid first."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            said = repr(action()).encode()
        except BaseException as error:
            said = type(error).__name__.encode()
        os.write(writing, said)
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_can_neither_read_the_key_nor_reach_the_socket(warm, connection):
    warm.home.chmod(0o755)  # mkdtemp's 0700 is not ours
    path = connection.endpoints[0].removeprefix("ipc://")
    other = socket.socket(socket.AF_UNIX)
    assert as_nobody(lambda: warm.dirs.connection_file.read_bytes()) == b"PermissionError"
    assert as_nobody(lambda: other.connect(path)) == b"PermissionError"
    assert as_nobody(lambda: list(warm.dirs.spool.iterdir())) == b"PermissionError"
    assert as_nobody(lambda: warm.home.stat().st_uid) == b"0"  # the child does run, and can look
    other.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_client_of_another_user_does_not_trust_the_file(warm):
    copied = warm.home / "copied"
    write_private_file(copied, b"{}")
    copied.chmod(0o644)
    warm.home.chmod(0o755)
    assert as_nobody(lambda: read_private_file(copied)) == b"UnsafeConnectionFile"


def test_tcp_can_be_left_out(daemon):
    daemon.options = ("--no-tcp",)
    with daemon.client() as client:
        client.wait_until_ready()
        assert [e[:3] for e in client.status()["endpoints"]] == ["ipc"]


def test_an_impostor_learns_nothing_and_is_found_out(home, each_transport):
    daemon = Daemon(home)
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    publish(daemon.dirs, ConnectionInfo((f"tcp://127.0.0.1:{port}",), b"k" * 32, 1, ""))
    lock = Lock(daemon.dirs.lock_file)
    assert lock.acquire()
    client = daemon.client()
    client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
    heard = []
    failed = None
    while failed is None:
        failed = next((event for event in client.drain() if isinstance(event, p.Failed)), None)
        if router.poll(10):
            routing_id, *frames = router.recv_multipart()
            heard.append(codec.unpack(frames)[0])
            router.send_multipart([routing_id, *codec.pack(p.Challenge(list(p.VERSION), b"n" * 32, b"p" * 32))])
    assert failed.code == NotTrusted.code
    assert [message.type for message in heard] == ["hello"]
    client.close()
    lock.close()
    context.destroy(linger=0)


def test_no_pixels_can_be_given_another_pictures_name(raw, warm, connection):
    """Else whoever may send pictures could have others' jobs work on theirs."""
    session = raw.greet(connection.key).session_id
    mine, theirs = picture(seed=501), picture(seed=502)
    asked = p.Restyle(
        "j", "l", mine.ref.to_wire(), [{"picture": mine.ref.to_wire(), "share": 1.0}], None, QUICK.to_wire()
    )
    get = raw.ask(*codec.pack(asked, session))
    answer = raw.ask(*codec.pack(p.Put(theirs.ref.blob, mine.ref.length, 0, get.ticket, mine.data), session))
    assert (answer.job, answer.code) == ("j", "bad_message")
    with warm.client() as client:
        done = client.restyle_and_wait(theirs, [(STYLE, 1.0)], StyleSettings(strength=0))
    assert done.picture.data == theirs.data


@pytest.mark.parametrize("left", [b"", b"{", b"\0" * 100])
def test_a_damaged_connection_file_that_a_crash_left_does_not_keep_the_next_daemon_away(daemon, left):
    write_private_file(daemon.dirs.connection_file, left)
    with daemon.client() as client:
        assert client.wait_until_ready()


def test_a_folder_in_the_place_of_a_private_file_is_no_file_and_costs_no_descriptor(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(UnsafeConnectionFile, match="not a plain file"):
            read_private_file(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
