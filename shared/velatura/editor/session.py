"""Runs a `Client` on an editor's event loop and passes its events to a listener. Never blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from velatura import strings
from velatura.client.client import Client
from velatura.client.events import Connected, Event, Finished, HistoryEntries, SavedItems, StyleList
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.event_loop import Loop, Watch
from velatura.errors import VelaturaError, error_from
from velatura.pixels import Picture
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

# Intervals of the timer in ms.
CONNECTING_INTERVAL = 30  # while the daemon is being found or started: there is no descriptor to watch yet
WORKING_INTERVAL = 100  # while a job is running, in case the watch misses something
IDLE_INTERVAL = 1000  # for the heartbeat
DRAIN_SECONDS = 0.01  # that one drain may take


class Listener(Protocol):
    """Receives the events of a session. job: the id of the job, or '' if the event concerns none."""

    def on_message(self, job: str, sentence: str) -> None: ...
    def on_progress(self, job: str, progress: p.Progress) -> None: ...
    def on_preview(self, job: str, preview: p.Preview) -> None: ...
    def on_finished(self, job: str, done: Finished) -> None:
        """The daemon keeps the result until `Session.acknowledge` is called."""

    def on_failed(self, job: str, error: VelaturaError) -> None: ...
    def on_estimate(self, sentence: str) -> None:
        """The answer to the latest request for an estimate; '' if there will be none."""

    def on_cancelled(self, job: str, replaced_by: str) -> None:
        """replaced_by: the job that replaces it, or ''."""

    def on_connected(self) -> None:
        """The daemon is connected, for the first time or again."""

    def on_saved(self, items: list[SavedItem]) -> None:
        """The saved results of this program, the newest first."""

    def on_history(self, entries: list[HistoryEntry]) -> None:
        """A part of the history, the newest first."""


class Session:
    """An editor's connection to the daemon, which is found or started at the first request."""

    def __init__(self, program: str, loop: Loop, listener: Listener) -> None:
        self._program, self._loop, self.listener = program, loop, listener
        self.client: Client | None = None
        self._jobs: set[str] = set()
        self._estimate_ticket = ""  # of the latest request for an estimate
        # False once an estimate could not be given; after the next connection it may be possible again.
        self._may_estimate = True
        self._pending_lists = 0  # requested lists that have not arrived
        self._user_waits_for_lists = False
        # Whether a restyle or a list was requested. Before that, the user does not expect the daemon to be running.
        self._daemon_expected = False
        self._watch: Watch | None = None
        self._watched: int | None = None
        self._timer = loop.timer(self.drain)

    def restyle(
        self,
        content: Picture,
        styles: StyleList,
        settings: StyleSettings,
        *,
        mask: Picture | None,
        layer: str,
        adjust: bool = False,
        expected: bool = True,
        **options: Any,
    ) -> str:
        """Request a restyle. Returns the id of the job. Raises VelaturaError.

        The hashes of the pictures should be computed before (`Picture.ref`). expected: whether the user waits for it,
        and is told if the daemon cannot be reached. options: as for `Client.restyle`.
        """
        client = self._expected_client() if expected else self._get_client()
        job = client.restyle(content, styles, settings, mask=mask, layer=layer, adjust=adjust, **options)
        self._add_job(job)
        return job

    def _expected_client(self) -> Client:
        """Return the client for something that the user waits for. Raises VelaturaError."""
        self._daemon_expected = True
        return self._get_client()

    def _get_client(self) -> Client:
        if self.client is None:
            self.client = Client(self._program)
            self.client.acknowledge_manually()
        return self.client

    def _add_job(self, job: str) -> None:
        assert self.client is not None
        self._jobs.add(job)
        self.listener.on_message(job, strings.SENDING if self.client.ready else strings.CONNECTING)
        self._loop.call_later(0, self.drain)

    @property
    def can_restyle_parts(self) -> bool:
        """Whether the connected daemon can restyle a part of a picture with the scale of the whole."""
        return self.client is not None and self.client.understands_views

    def estimate(self, width: int, height: int, settings: StyleSettings) -> None:
        """Request how long a restyle would take. `on_estimate` follows. Errors are not reported."""
        if not self._may_estimate:
            self.listener.on_estimate("")
            return
        try:
            self._estimate_ticket = self._get_client().request_estimate(width, height, settings)
        except VelaturaError:
            self._give_up_estimate()
        self._loop.call_later(0, self.drain)

    def acknowledge(self, done: Finished) -> None:
        """Allow the daemon to delete this result: it is in its document, or it is not needed any more."""
        if self.client is not None:
            self.client.acknowledge(done)

    def cancel(self, job: str) -> None:
        """Stop a job. `on_cancelled` follows."""
        if self.client is not None:
            self.client.cancel(job)
            self._loop.call_later(0, self.drain)

    # --- saved results and the history -----------------------------------------------------------------
    def refresh_saved(self) -> None:
        """Request the saved results if the daemon is connected already. `on_saved` follows then."""
        if self.client is not None and self.client.ready:
            self.client.request_saved()
            self._pending_lists += 1
            self._loop.call_later(0, self.drain)

    def request_lists(self) -> None:
        """Request the saved results and the newest part of the history.

        `on_saved` and `on_history` follow, or `on_failed`. Raises VelaturaError.
        """
        client = self._expected_client()
        client.request_saved()
        client.request_history()
        self._pending_lists += 2
        self._user_waits_for_lists = True
        self._loop.call_later(0, self.drain)

    def request_more_history(self, before: int) -> None:
        """Request the history before that number. `on_history` follows. Raises VelaturaError."""
        self._expected_client().request_history(before=before)
        self._pending_lists += 1
        self._loop.call_later(0, self.drain)

    def fetch(self, item: SavedItem) -> None:
        """Fetch a finished result. `on_finished` follows. Raises VelaturaError."""
        self._expected_client().fetch(item)
        self._add_job(item.job)

    def resume(self, item: SavedItem) -> None:
        """Resume a stopped restyle and finish it. The events of a job follow. Raises VelaturaError."""
        self._expected_client().resume(item)
        self._add_job(item.job)

    def fetch_partial(self, item: SavedItem) -> None:
        """Fetch the picture of a stopped restyle as it was when it stopped. Raises VelaturaError."""
        self._expected_client().resume(item, how="as_it_is")
        self._add_job(item.job)

    def drop(self, item: SavedItem) -> None:
        """Delete a saved result or stopped restyle. Raises VelaturaError."""
        self._expected_client().drop(item)
        self._loop.call_later(0, self.drain)

    def disconnect(self) -> None:
        """Close the connection without a goodbye. The daemon stops running jobs and saves their progress."""
        self._end(Client.disconnect)

    def close(self) -> None:
        """Close the connection with a goodbye. The daemon drops running jobs."""
        self._end(Client.close)

    def _end(self, method: Callable[[Client], None]) -> None:
        self._watch_descriptor(None)
        self._timer.stop()
        self._jobs.clear()
        self._pending_lists, self._user_waits_for_lists = 0, False
        if self.client is not None:
            method(self.client)
            self.client = None

    # --- the event loop --------------------------------------------------------------------------------
    def drain(self) -> None:
        """Process what has arrived. Called by the watch and by the timer."""
        if self.client is None:
            return
        if self._watch is not None:
            self._watch.pause()  # the descriptor is edge-triggered: drain it, then watch again
        for event in self.client.drain(DRAIN_SECONDS):
            self._dispatch(event)
        if self.client is None:
            return  # the listener has closed the session
        self._watch_descriptor(self.client.fileno())
        if self.client.has_more:
            self._loop.call_later(0, self.drain)
        is_expected = bool(self._jobs or self._estimate_ticket or self._user_waits_for_lists)
        if is_expected and not self.client.ready:
            self._timer.start(CONNECTING_INTERVAL)
        else:
            self._timer.start(WORKING_INTERVAL if self._jobs else IDLE_INTERVAL)

    def _watch_descriptor(self, descriptor: int | None) -> None:
        if descriptor != self._watched:
            if self._watch is not None:
                self._watch.close()
            self._watched = descriptor
            self._watch = self._loop.watch(descriptor, self.drain) if descriptor is not None else None
        if self._watch is not None and self.client is not None:
            self._watch.listen(writing=self.client.needs_write)

    def _dispatch(self, event: Event) -> None:
        job = getattr(event, "job", "")
        listener = self.listener
        if isinstance(event, Connected):
            self._may_estimate = True
            for waiting in self._jobs:
                listener.on_message(waiting, strings.SENDING)
            listener.on_connected()
        elif isinstance(event, SavedItems):
            self._pending_lists, self._user_waits_for_lists = self._pending_lists - 1, False
            listener.on_saved(event.items)
        elif isinstance(event, HistoryEntries):
            self._pending_lists -= 1
            listener.on_history(event.entries)
        elif isinstance(event, p.Queued) and event.place > 0:
            listener.on_message(job, strings.waiting(event.place))
        elif isinstance(event, p.Estimate) and event.ticket in self._jobs:
            listener.on_message(event.ticket, event.sentence)
        elif isinstance(event, p.Estimate) and event.ticket == self._estimate_ticket:
            self._estimate_ticket = ""
            listener.on_estimate(event.sentence)
        elif isinstance(event, p.Notice):
            listener.on_message(job, event.sentence)
        elif isinstance(event, p.Progress):
            listener.on_progress(job, event)
        elif isinstance(event, p.Preview):
            listener.on_preview(job, event)
        elif isinstance(event, Finished):
            self._jobs.discard(job)
            listener.on_finished(job, event)
        elif isinstance(event, p.Cancelled):
            self._jobs.discard(job)
            listener.on_cancelled(job, event.replaced_by)
        elif isinstance(event, p.Failed):
            self._fail(job, error_from(event.code, event.sentence))

    def _fail(self, job: str, error: VelaturaError) -> None:
        is_connected = self.client is not None and self.client.ready
        if not job and self._estimate_ticket and is_connected:
            self._give_up_estimate()  # an older daemon does not know the request, or one of the settings
            return
        if not job and self._pending_lists and is_connected:
            self._pending_lists -= 1  # an older daemon does not know the request
            if self._user_waits_for_lists:
                self.listener.on_failed("", error)
            return
        if not is_connected:
            self._give_up_estimate()
            self._pending_lists, self._user_waits_for_lists = 0, False
        jobs = [job] if job else list(self._jobs)
        if not is_connected and not jobs and not self._daemon_expected:
            return
        for failed in jobs or [""]:
            self._jobs.discard(failed)
            self.listener.on_failed(failed, error)

    def _give_up_estimate(self) -> None:
        self._estimate_ticket, self._may_estimate = "", False
        self.listener.on_estimate("")
