"""Messages to peers: sent at once, or made when the peer has read what came before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from velatura.errors import BadMessage, VelaturaError
from velatura.i18n import lazy_text, limited
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura.protocol.zmtp import MAX_MESSAGE
from velatura_daemon.server.listener import Peer

log = logging.getLogger("velatura.server")

MAX_SENTENCE = 2000  # characters


def send(peer: Peer, message: p.Message) -> None:
    """Queue a message; a peer that has gone loses it."""
    try:
        peer.send(codec.pack(message))
    except BadMessage as error:
        log.debug("a %s message was not delivered: %s", message.type, error)


def send_when_read(peer: Peer, make: Callable[[], p.Message]) -> None:
    """Make a large message when the peer has read what came before, so that only one of them takes memory."""
    peer.send_lazily(_packed(lambda: [make()]), MAX_MESSAGE)


def send_pieces(peer: Peer, pieces: Iterable[p.Put]) -> None:
    """Send parts of a mapped picture, which take no memory."""
    peer.send_lazily(_packed(lambda: pieces))


def _packed(make: Callable[[], Iterable[p.Message]]) -> Iterator[list[Any]]:
    """The frames of messages; of a `failed` instead if they cannot be made."""
    try:
        for message in make():
            yield codec.pack(message)
    except Exception as error:
        yield codec.pack(failure("", error))


def failure(job: str, error: Exception) -> p.Failed:
    """What a client is sent about an error. Call it while the error is handled: one of ours goes to the log."""
    if isinstance(error, VelaturaError):
        return p.Failed(job[: p.MAX_NAME], error.code, limited(error.sentence, MAX_SENTENCE))
    log.exception("a message could not be served")
    sentence = lazy_text(
        "An internal error occurred in the daemon ({kind}); it keeps running. See its log for details.",
        kind=type(error).__name__,
    )
    return p.Failed(job[: p.MAX_NAME], VelaturaError.code, sentence)
