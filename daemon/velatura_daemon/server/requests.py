"""What authenticated clients ask of the daemon: a method for each type of message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from velatura.errors import BadMessage, UnknownBlob
from velatura.i18n import lazy_text
from velatura.protocol import messages as p
from velatura.protocol.transfer import put_messages
from velatura_daemon.scheduling.job_service import JobService
from velatura_daemon.server.replies import send, send_pieces, send_when_read
from velatura_daemon.server.sessions import Session


class RequestedServer(Protocol):
    """The server, as requests see it."""

    def report(self) -> dict[str, Any]:
        """Return the fields of a status."""

    def say_goodbye(self, session: Session) -> None: ...

    def stop(self, why: str) -> None: ...


class RequestHandler:
    """Passes requests on to the jobs, and sends the answers."""

    def __init__(self, jobs: JobService, server: RequestedServer) -> None:
        self._jobs, self._server = jobs, server

    def check(self, message: p.Message) -> None:
        """Raises BadMessage for a message that is not for the daemon."""
        if type(message) not in self._HANDLERS:
            raise BadMessage(lazy_text("A {type} message is not for the daemon.", type=message.type))

    def handle(self, session: Session, message: p.Message) -> None:
        """Handle a message that was checked. Raises VelaturaError."""
        self._HANDLERS[type(message)](self, session, message)

    def _on_put(self, session: Session, put: p.Put) -> None:
        self._jobs.put(session.token, put)

    def _on_restyle(self, session: Session, request: p.Restyle) -> None:
        self._jobs.submit(session.token, session.client_id, session.program, request)

    def _on_get(self, session: Session, request: p.Get) -> None:
        data = self._jobs.store.results.picture_bytes(request.blob)
        if data is None:
            data = self._jobs.steps.picture_bytes(request.blob)
        if data is None:
            raise UnknownBlob(lazy_text("The daemon has no such result."))
        send_pieces(session.peer, put_messages(request, data))

    def _on_cancel(self, session: Session, request: p.Cancel) -> None:
        self._jobs.cancel(session.client_id, request.job)

    def _on_preview_shown(self, session: Session, seen: p.PreviewShown) -> None:
        self._jobs.preview_shown(session.client_id, seen.job)

    def _on_step_received(self, session: Session, received: p.StepReceived) -> None:
        self._jobs.step_received(session.client_id, received.job)

    def _on_received(self, session: Session, received: p.Received) -> None:
        self._jobs.store.received((session.client_id, received.job))

    # Every session is this user's, so a program may also ask for what is kept for the user's other programs.
    def _on_list_saved(self, session: Session, request: p.ListSaved) -> None:
        whose = None if request.everyone else session.client_id
        send_when_read(session.peer, lambda: p.SavedList(self._jobs.store.listed(whose)))

    def _on_resume(self, session: Session, request: p.Resume) -> None:
        self._jobs.resume(session.token, session.client_id, request.client or session.client_id, request)

    def _on_drop(self, session: Session, request: p.Drop) -> None:
        self._jobs.store.drop((request.client or session.client_id, request.job))

    def _on_get_history(self, session: Session, request: p.GetHistory) -> None:
        send_when_read(session.peer, lambda: p.History(self._jobs.store.past(request.before)))

    def _on_forget(self, session: Session, _: p.Forget) -> None:
        self._jobs.forget()
        send_when_read(session.peer, lambda: p.SavedList(self._jobs.store.listed(None)))

    def _on_ping(self, session: Session, _: p.Ping) -> None:
        send(session.peer, p.Pong())

    def _on_get_estimate(self, session: Session, request: p.GetEstimate) -> None:
        self._jobs.estimate(session.token, request)

    def _on_get_status(self, session: Session, _: p.GetStatus) -> None:
        send(session.peer, p.Status(self._server.report()))

    def _on_shutdown(self, session: Session, request: p.Shutdown) -> None:
        if request.if_idle and self._jobs.scheduler.busy:
            raise BadMessage(lazy_text("The daemon is busy, so it keeps running."))
        self._server.stop(f"{session.program} asked")

    def _on_bye(self, session: Session, _: p.Bye) -> None:
        self._server.say_goodbye(session)

    _HANDLERS: ClassVar[dict[type[p.Message], Callable[..., None]]] = {
        p.Put: _on_put,
        p.Restyle: _on_restyle,
        p.Get: _on_get,
        p.Cancel: _on_cancel,
        p.PreviewShown: _on_preview_shown,
        p.Received: _on_received,
        p.StepReceived: _on_step_received,
        p.Ping: _on_ping,
        p.GetStatus: _on_get_status,
        p.Shutdown: _on_shutdown,
        p.GetEstimate: _on_get_estimate,
        p.Bye: _on_bye,
        p.ListSaved: _on_list_saved,
        p.Resume: _on_resume,
        p.Drop: _on_drop,
        p.GetHistory: _on_get_history,
        p.Forget: _on_forget,
    }
