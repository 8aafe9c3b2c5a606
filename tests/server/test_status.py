"""The status message of a daemon with many jobs."""

from __future__ import annotations

from tests.conftest import picture
from tests.support.peers import Peer, ZmqPeer, hello
from velatura.client.connection_file import find
from velatura.protocol import auth, codec
from velatura.protocol import messages as p

PATIENCE = 60.0  # seconds for an answer that has to come


def test_a_status_is_sent_however_long_the_names_of_the_jobs_are(warm):
    with warm.client("asking") as asking:
        asking.wait_until_ready()
        info = find(warm.dirs)
        assert info is not None
        peers = [ZmqPeer(info.endpoints[0]) for _ in range(4)]
        sessions = [session_of(peer, info.key, f"client {number}") for number, peer in enumerate(peers)]
        for peer, session in zip(peers, sessions, strict=True):
            for job in range(32):
                content = picture(8, 8, seed=job).ref.to_wire()
                style = [{"picture": content, "share": 1.0}]
                peer.send(codec.pack(p.Restyle(f"{job:0256}", f"{job:0256}", content, style, None, {}), session))
            peer.send(codec.pack(p.Ping(), session))
            while not isinstance(peer.receive(PATIENCE), p.Pong):
                pass
        try:
            peers[0].send(codec.pack(p.GetStatus(), sessions[0]))
            assert isinstance(peers[0].receive(PATIENCE), p.Status)
        finally:
            for peer, session in zip(peers, sessions, strict=True):
                peer.send(codec.pack(p.Bye(), session))
                peer.close(linger=1.0)


def session_of(peer: Peer, key: bytes, client_id: str) -> bytes:
    """The whole handshake. Returns the session id."""
    first = hello(client_id=client_id)
    peer.send(codec.pack(first))
    challenge = peer.receive(PATIENCE)
    assert isinstance(challenge, p.Challenge)
    peer.send(codec.pack(p.Proof(auth.proof(key, "client", first.nonce, challenge.nonce, peer.endpoint, p.VERSION))))
    welcome = peer.receive(PATIENCE)
    assert isinstance(welcome, p.Welcome)
    return welcome.session_id
