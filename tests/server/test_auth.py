"""Only the user's own programs may use the daemon, and none may imitate it: raw peers of a real daemon, and an impostor
for a real client."""

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
from tests.support.users import as_nobody
from velatura.app_dirs import read_private_file, write_private_file
from velatura.client.connection_file import ConnectionInfo, find, publish
from velatura.client.locks import Lock
from velatura.errors import NotTrusted, UnsafeConnectionFile, VersionMismatch
from velatura.protocol import auth, codec, zmtp
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


class RawPeer:
    """A peer that speaks ZeroMQ and sends whatever a test sends."""

    def __init__(self, endpoint: str, routing_id: bytes = b"") -> None:
        self.endpoint = endpoint
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        if routing_id:
            self.socket.setsockopt(zmq.ROUTING_ID, routing_id)
        self.socket.connect(endpoint)

    def request(self, *frames: bytes) -> p.Message | None:
        """Send a message. Returns the answer, or None if there is none within 2 s."""
        self.socket.send_multipart(frames)
        return self.receive()

    def receive(self, seconds: float = 60.0) -> p.Message | None:
        if not self.socket.poll(int(seconds * 1000)):
            return None
        return codec.unpack(self.socket.recv_multipart())[0]

    def handshake(self, key: bytes) -> p.Message | None:
        """The whole handshake, with that key. Returns the answer to the proof."""
        nonce = secrets.token_bytes(32)
        challenge = self.request(*codec.pack(p.Hello(list(p.VERSION), nonce, "raw", "raw")))
        assert isinstance(challenge, p.Challenge)
        signed = (nonce, challenge.nonce, self.endpoint)
        return self.request(*codec.pack(p.Proof(auth.proof(key, "client", *signed, p.VERSION))))

    def close(self) -> None:
        self.context.destroy(linger=0)


@pytest.fixture(scope="module")
def connection(warm: Daemon) -> ConnectionInfo:
    with warm.client() as client:
        client.wait_until_ready()
    info = find(warm.dirs)
    assert info is not None
    return info


@pytest.fixture(params=["ipc", "tcp"])
def raw(connection, request):
    peer = RawPeer(next(e for e in connection.endpoints if e.startswith(request.param)))
    yield peer
    peer.close()


def still_works(warm: Daemon) -> bool:
    with warm.client() as client:
        return bool(client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).picture)


def test_a_peer_with_the_key_is_accepted(raw, connection):
    assert isinstance(raw.handshake(connection.key), p.Welcome)


def test_a_wrong_key_is_refused(raw):
    answer = raw.handshake(b"x" * 32)
    assert isinstance(answer, p.Failed)
    assert answer.code == "not_trusted"


def test_the_daemons_own_proof_is_not_accepted_from_a_client(raw):
    challenge = raw.request(*codec.pack(p.Hello(list(p.VERSION), b"n" * 32, "raw", "raw")))
    answer = raw.request(*codec.pack(p.Proof(challenge.proof)))
    assert answer.code == "not_trusted"


def test_a_proof_is_accepted_once(raw, connection):
    nonce = secrets.token_bytes(32)
    challenge = raw.request(*codec.pack(p.Hello(list(p.VERSION), nonce, "raw", "raw")))
    proof = p.Proof(auth.proof(connection.key, "client", nonce, challenge.nonce, raw.endpoint, p.VERSION))
    assert isinstance(raw.request(*codec.pack(proof)), p.Welcome)
    assert raw.request(*codec.pack(proof)).code == "no_session"


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
        assert raw.request(*codec.pack(message, session)).code == "no_session"
    assert still_works(warm)


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
def test_garbage_gets_an_error_and_the_daemon_continues(raw, warm, frames):
    assert isinstance(raw.request(*frames), p.Failed)
    assert still_works(warm)


def is_disconnected(connection: ConnectionInfo, data: bytes) -> bool:
    """Whether the daemon closes the connection of an unauthenticated peer that sends this after ZMTP's handshake."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(20)
    peer.connect(connection.endpoints[0].removeprefix("ipc://"))
    with peer, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        peer.sendall(zmtp.GREETING + zmtp.ready(b"") + data)
        while peer.recv(4096):
            pass
    return True


@pytest.mark.parametrize(
    "frames", [[b"", b""], [b"header", bytes(10)], [bytes(zmtp.MAX_UNAUTHENTICATED_FRAME + 1)], [b"x"] * 9]
)
def test_an_unauthenticated_peer_that_sends_more_than_a_hello_is_disconnected(connection, warm, frames):
    assert is_disconnected(connection, b"".join(zmtp.message_parts(frames)))
    assert still_works(warm)


def test_a_frame_over_the_limit_ends_only_that_connection(raw, warm, connection):
    assert isinstance(raw.handshake(connection.key), p.Welcome)
    raw.socket.send(bytes(p.MAX_FRAME + 1))
    assert raw.receive(0.5) is None
    assert still_works(warm)


def test_an_unknown_major_version_is_refused_with_advice(raw):
    answer = raw.request(*codec.pack(p.Hello([99, 0], b"n" * 32, "raw", "raw")))
    assert answer.code == VersionMismatch.code
    assert "Update" in answer.sentence


def test_a_peer_that_takes_over_a_routing_id_gets_nothing(warm, connection):
    endpoint = next(e for e in connection.endpoints if e.startswith("ipc"))
    honest = RawPeer(endpoint, b"well-known-id")
    welcome = honest.handshake(connection.key)
    assert isinstance(welcome, p.Welcome)
    honest.close()
    thief = RawPeer(endpoint, b"well-known-id")
    for session in (b"", b"s" * 16, bytes(16)):
        for message in (p.GetStatus(), p.Shutdown(False), p.Get(b"h" * 32, 0, 10, 1)):
            assert thief.request(*codec.pack(message, session)).code == "no_session"
    thief.close()
    assert still_works(warm)


def test_a_session_does_not_work_from_another_connection(raw, connection):
    welcome = raw.handshake(connection.key)
    other = RawPeer(raw.endpoint)
    assert other.request(*codec.pack(p.GetStatus(), welcome.session_id)).code == "no_session"
    other.close()


def test_an_authenticated_peer_that_sends_nonsense_gets_errors(raw, warm, connection):
    session = raw.handshake(connection.key).session_id
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
        answer = raw.request(*codec.pack(message, session))
        assert (answer.code, bool(answer.sentence)) == (code, True)
    assert still_works(warm)


def test_an_error_that_quotes_a_huge_field_is_shortened(raw, warm, connection):
    session = raw.handshake(connection.key).session_id
    odd = {**CONTENT.ref.to_wire(), "channels": "\0" * 40000}
    answer = raw.request(*codec.pack(p.Restyle("j", "l", odd, [], None, {}), session))
    assert (answer.code, len(answer.sentence) < 3000) == ("bad_message", True)
    answer = raw.request(*codec.pack(p.Restyle("j" * 60000, "l", {}, [], None, {}), session))
    assert answer.code == "bad_message"
    assert still_works(warm)


def test_pixels_that_do_not_match_their_hash_fail_the_job(raw, connection):
    session = raw.handshake(connection.key).session_id
    other = picture(seed=99).ref
    style = [{"picture": other.to_wire(), "share": 1.0}]
    get = raw.request(*codec.pack(p.Restyle("j", "l", other.to_wire(), style, None, QUICK.to_wire()), session))
    assert isinstance(get, p.Get)
    answer = raw.request(*codec.pack(p.Put(other.blob, other.length, 0, get.ticket, bytes(other.length)), session))
    assert (answer.job, answer.code) == ("j", "wrong_hash")


def test_the_socket_the_key_and_the_spool_are_readable_by_the_user_only(warm, connection):
    path = Path(connection.endpoints[0].removeprefix("ipc://"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(warm.dirs.connection_file.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in warm.dirs.spool.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_can_neither_read_the_key_nor_reach_the_socket(warm, connection):
    warm.home.chmod(0o755)  # mkdtemp makes it 0700, which would hide what is tested
    path = connection.endpoints[0].removeprefix("ipc://")
    other = socket.socket(socket.AF_UNIX)
    assert as_nobody(lambda: warm.dirs.connection_file.read_bytes()) == b"PermissionError"
    assert as_nobody(lambda: other.connect(path)) == b"PermissionError"
    assert as_nobody(lambda: list(warm.dirs.spool.iterdir())) == b"PermissionError"
    assert as_nobody(lambda: warm.home.stat().st_uid) == b"0"  # the child works, and can read what is allowed
    other.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_client_of_another_user_does_not_trust_the_file(warm):
    copied = warm.home / "copied"
    write_private_file(copied, b"{}")
    copied.chmod(0o644)
    warm.home.chmod(0o755)
    assert as_nobody(lambda: read_private_file(copied)) == b"UnsafeConnectionFile"


def test_no_tcp_leaves_only_the_ipc_endpoint(daemon):
    daemon.options = ("--no-tcp",)
    with daemon.client() as client:
        client.wait_until_ready()
        assert [e[:3] for e in client.status()["endpoints"]] == ["ipc"]


def test_an_impostor_receives_only_a_hello_and_is_detected(home, each_transport):
    daemon = Daemon(home)
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    publish(daemon.dirs, ConnectionInfo((f"tcp://127.0.0.1:{port}",), b"k" * 32, 1, ""))
    lock = Lock(daemon.dirs.lock_file)
    assert lock.acquire()
    client = daemon.client()
    client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
    received = []
    failed = None
    while failed is None:
        failed = next((event for event in client.drain() if isinstance(event, p.Failed)), None)
        if router.poll(10):
            routing_id, *frames = router.recv_multipart()
            received.append(codec.unpack(frames)[0])
            router.send_multipart([routing_id, *codec.pack(p.Challenge(list(p.VERSION), b"n" * 32, b"p" * 32))])
    assert failed.code == NotTrusted.code
    assert [message.type for message in received] == ["hello"]
    client.close()
    lock.close()
    context.destroy(linger=0)


def test_pixels_cannot_be_stored_under_another_pictures_hash(raw, warm, connection):
    """Otherwise a client could replace the pictures of another client's jobs."""
    session = raw.handshake(connection.key).session_id
    own, foreign = picture(seed=501), picture(seed=502)
    request = p.Restyle(
        "j", "l", own.ref.to_wire(), [{"picture": own.ref.to_wire(), "share": 1.0}], None, QUICK.to_wire()
    )
    get = raw.request(*codec.pack(request, session))
    answer = raw.request(*codec.pack(p.Put(foreign.ref.blob, own.ref.length, 0, get.ticket, own.data), session))
    assert (answer.job, answer.code) == ("j", "bad_message")
    with warm.client() as client:
        done = client.restyle_and_wait(foreign, [(STYLE, 1.0)], StyleSettings(strength=0))
    assert done.picture.data == foreign.data


@pytest.mark.parametrize("left", [b"", b"{", b"\0" * 100])
def test_a_connection_file_damaged_by_a_crash_does_not_prevent_the_next_daemon(daemon, left):
    write_private_file(daemon.dirs.connection_file, left)
    with daemon.client() as client:
        assert client.wait_until_ready()


def test_a_folder_in_the_place_of_a_private_file_is_refused_without_leaking_a_descriptor(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(UnsafeConnectionFile, match="not a plain file"):
            read_private_file(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
