"""Faults that the product had, brought back for the time of a test by replacing the code that mended them: the fuzzers
have to find them, otherwise a run without findings would mean nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest import mock

from velatura.editor import recipe
from velatura.errors import TooBusy
from velatura.protocol import transfer
from velatura_daemon.executors.remote import session as remote_session
from velatura_daemon.scheduling import uploads
from velatura_daemon.server import listener, replies, requests, sessions
from velatura_daemon.storage import history
from velatura_daemon.storage.quota import Quota


@dataclass(frozen=True)
class KnownBug:
    """target: the fuzzer that has to find it. sign: in what it reports then. bring_back: a context in which the product
    has it."""

    name: str
    target: str
    sign: str
    bring_back: Callable[[], contextlib.AbstractContextManager[Any]]


class _Unchecked:
    """A hash that is always right."""

    def __init__(self, digest: bytes) -> None:
        self.digest = lambda: digest

    def update(self, _: object) -> None: ...


@contextlib.contextmanager
def _hashes_unchecked(where: ModuleType) -> Iterator[None]:
    class Download(transfer.Download):
        def add(self, put: Any) -> Any:
            self._hash = _Unchecked(self.blob)  # type: ignore[assignment]
            return super().add(put)

    with mock.patch.object(where, "Download", Download):
        yield


@contextlib.contextmanager
def _uploads_drop_the_work_of_others() -> Iterator[None]:
    real = Quota.make_space

    def make_space(self: Quota, *request: Any, **more: Any) -> None:
        try:
            real(self, *request, **more)
        except TooBusy:
            for work in self._stopped():
                work.store.drop(work.key)
            real(self, *request, **more)

    with mock.patch.object(Quota, "make_space", make_space):
        yield


@contextlib.contextmanager
def _unread_replies_without_bound() -> Iterator[None]:
    def at_once(peer: listener.Peer, make: Callable[[], Any]) -> None:
        replies.send(peer, make())

    with (
        mock.patch.object(listener.Peer, "congested", False),
        mock.patch.object(listener.Peer, "_sent", lambda peer, _: peer._listener.watch(peer)),
        mock.patch.object(listener, "MAX_QUEUED_BYTES", 1 << 40),
        mock.patch.object(requests, "send_when_read", at_once),
    ):
        yield


@contextlib.contextmanager
def _sessions_left_behind() -> Iterator[None]:
    registry = sessions.SessionRegistry
    real_proof, real_of_peer = registry.proof, registry.of_peer
    proved: list[Any] = []

    def proof(self: sessions.SessionRegistry, peer: Any, message: Any) -> sessions.Session:
        session = real_proof(self, peer, message)
        proved[:] = [peer]
        return session

    def of_peer(self: sessions.SessionRegistry, peer: Any) -> sessions.Session | None:
        is_proving = peer in proved
        proved.clear()
        return None if is_proving else real_of_peer(self, peer)

    with mock.patch.object(registry, "proof", proof), mock.patch.object(registry, "of_peer", of_peer):
        yield


def _previews_of_any_size() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(
        remote_session, "is_preview", lambda one: memoryview(one.data).nbytes == one.width * one.height * 3
    )


def _rows_unchecked() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(history, "_check", lambda entry: None)


def _shares_of_any_size() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(recipe, "_share", lambda fields: float(fields["share"]))


KNOWN_BUGS = [
    KnownBug(
        "a picture is stored under the hash of another one",
        "session",
        "with the bytes of another one",
        lambda: _hashes_unchecked(uploads),
    ),
    KnownBug(
        "an upload drops the saved work of other clients", "session", "had kept", _uploads_drop_the_work_of_others
    ),
    KnownBug("replies that are not read fill the memory", "session", "the server holds", _unread_replies_without_bound),
    KnownBug("a handshake leaves a session behind", "session", "sessions", _sessions_left_behind),
    KnownBug("a preview of another daemon has no pixels", "remote", "without pixels", _previews_of_any_size),
    KnownBug("a wrong row hides the whole history", "saved", "BadMessage", _rows_unchecked),
    KnownBug("a style of a recipe has no share", "documents", "AssertionError", _shares_of_any_size),
    KnownBug("a damaged picture is accepted", "transfer", "AssertionError", lambda: _hashes_unchecked(transfer)),
]
