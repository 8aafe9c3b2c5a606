"""The client's side of the handshake: hello, challenge, proof, welcome. Never blocks."""

from __future__ import annotations

import time

from velatura.client.connection_file import ConnectionInfo
from velatura.client.transport import Dealer
from velatura.errors import BadMessage, DaemonLost, NotTrusted, error_from
from velatura.i18n import lazy_text
from velatura.protocol import auth, codec
from velatura.protocol import messages as p

ANSWER_TIMEOUT = 5.0  # seconds for each answer of the daemon


class Handshake:
    """One attempt on one connection to one endpoint. The key itself is never sent. Begins by sending `hello`.

    Args:
        dealer: The connection.
        endpoint: Exactly as the daemon published it, since both proofs cover it.
        connection: The content of the connection file.
        client_id: What results belong to.
        program: The program's name.

    Attributes:
        daemon_version: The daemon's version of the protocol; known once the daemon has proved that it knows the key.
    """

    def __init__(self, dealer: Dealer, endpoint: str, connection: ConnectionInfo, client_id: str, program: str) -> None:
        self._dealer, self._endpoint, self._connection = dealer, endpoint, connection
        self._nonce = auth.fresh_nonce()
        self._proved = False
        self.daemon_version: tuple[int, int] = (0, 0)  # of the protocol; known once the daemon has been proved
        self._send(p.Hello(list(p.VERSION), self._nonce, client_id, program, connection.build))

    def advance(self) -> p.Welcome | None:
        """Process the daemon's next answer, if there is one.

        Returns:
            Its `welcome` once it has arrived; otherwise None.

        Raises:
            DaemonLost: No answer arrives in time.
            NotTrusted: The other side does not know the key.
            VersionMismatch: The daemon has another major version of the protocol.
            VelaturaError: Any error with which the daemon refuses.
        """
        frames = self._dealer.receive()
        if frames is None:
            if time.monotonic() > self._deadline:
                raise DaemonLost(lazy_text("Nothing answers at {endpoint}.", endpoint=self._endpoint))
            return None
        message, _ = codec.unpack(frames)
        if isinstance(message, p.Challenge) and not self._proved:
            self._prove(message)
            return None
        if isinstance(message, p.Welcome) and self._proved:
            return message
        if isinstance(message, p.Failed):
            raise error_from(message.code, message.sentence)
        raise BadMessage(
            lazy_text(
                "The daemon answered the handshake with a {type} message. Restart it: 'velatura daemon stop'.",
                type=message.type,
            )
        )

    def _prove(self, challenge: p.Challenge) -> None:
        codec.check_version(challenge.version, "daemon")
        covered = (self._nonce, challenge.nonce, self._endpoint)
        expected = auth.proof(self._connection.key, "daemon", *covered, challenge.version)
        if not auth.constant_time_equal(expected, challenge.proof):
            raise NotTrusted(
                lazy_text(
                    "The program at {endpoint} is not your daemon: it does not know the key. Nothing was sent to it. "
                    "Run 'velatura daemon stop' and restyle again.",
                    endpoint=self._endpoint,
                )
            )
        self.daemon_version = (challenge.version[0], challenge.version[1])
        self._send(p.Proof(auth.proof(self._connection.key, "client", *covered, p.VERSION)))
        self._proved = True

    def _send(self, message: p.Message) -> None:
        self._dealer.send(codec.pack(message))
        self._deadline = time.monotonic() + ANSWER_TIMEOUT
