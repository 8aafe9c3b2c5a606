"""The daemon's client on an editor's event loop: jobs go in, what becomes of them is told; so is what the daemon keeps.
Never blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from velatura import strings
from velatura.client.client import Client, Connected, Event, Finished, HistoryEntries, SavedItems, StyleList
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.event_loop import Loop, Watch
from velatura.errors import VelaturaError, error_from
from velatura.pixels import Picture
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

LOOKING = 30  # ms between looks while the daemon is found or started: there is no descriptor to watch yet
WORKING = 100  # ms: a net under the watch while a job is on
PATIENCE = 0.01  # seconds that one drain may take
IDLE = 1000  # ms: for the heartbeat


class Listener(Protocol):
    """Who is told; the job's id comes first, or '' where it is about none."""

    def said(self, job: str, sentence: str) -> None: ...
    def progressed(self, job: str, progress: p.Progress) -> None: ...
    def previewed(self, job: str, preview: p.Preview) -> None: ...
    def finished(self, job: str, done: Finished) -> None:
        """The daemon keeps it until `Session.received`."""

    def failed(self, job: str, error: VelaturaError) -> None: ...
    def estimated(self, sentence: str) -> None:
        """What the latest question is answered by; '' where no answer will come."""

    def cancelled(self, job: str, replaced_by: str) -> None:
        """replaced_by: the job that took its place, or ''."""

    def connected(self) -> None:
        """The daemon is there, for the first time or again."""

    def kept(self, items: list[SavedItem]) -> None:
        """What it keeps of this program's, the latest first."""

    def past(self, lines: list[HistoryEntry]) -> None:
        """A part of the history, the latest first."""


class Session:
    """One editor's way to the daemon, found or started at the first question or restyle."""

    def __init__(self, program: str, loop: Loop, listener: Listener) -> None:
        self._program, self._loop, self.listener = program, loop, listener
        self.client: Client | None = None
        self._jobs: set[str] = set()
        self._question = ""  # the latest estimate that was asked for
        self._may_ask = True  # until a question fails; with the next connection there may be an answer again
        self._lists = 0  # that were asked for and have not come
        self._looking = False  # whether a person waits for them
        self._worked = False  # whether a restyle or a list was asked for: before that, nobody waits for the daemon
        self._watch: Watch | None = None
        self._watched: int | None = None
        self._net = loop.timer(self.drain)

    def restyle(
        self,
        content: Picture,
        styles: StyleList,
        settings: StyleSettings,
        *,
        mask: Picture | None,
        layer: str,
        adjust: bool = False,
        **more: Any,
    ) -> str:
        """Ask for a restyle; returns the job's id. The pictures' hashes should be known by now (`Picture.ref`). more:
        as Client.restyle takes it. Raises VelaturaError."""
        client = self._called()
        job = client.restyle(content, styles, settings, mask=mask, layer=layer, adjust=adjust, **more)
        self._begin(job)
        return job

    def _called(self) -> Client:
        """The client, for something that a person waits for. Raises VelaturaError."""
        self._worked = True
        return self._own()

    def _own(self) -> Client:
        if self.client is None:
            self.client = Client(self._program)
            self.client.hold()
        return self.client

    def _begin(self, job: str) -> None:
        assert self.client is not None
        self._jobs.add(job)
        self.listener.said(job, strings.SENDING if self.client.ready else strings.WAKING)
        self._loop.after(0, self.drain)

    def estimate(self, width: int, height: int, settings: StyleSettings) -> None:
        """Ask how long a restyle would take; `estimated` follows, or nothing: a question is no reason to complain."""
        if not self._may_ask:
            self.listener.estimated("")
            return
        try:
            self._question = self._own().ask_estimate(width, height, settings)
        except VelaturaError:
            self._end_question()
        self._loop.after(0, self.drain)

    def received(self, done: Finished) -> None:
        """This result stands in its document, or nobody wants it: the daemon may forget it."""
        if self.client is not None:
            self.client.received(done)

    def cancel(self, job: str) -> None:
        if self.client is not None:
            self.client.cancel(job)
            self._loop.after(0, self.drain)

    # --- what is kept ----------------------------------------------------------------------------------
    def glance(self) -> None:
        """Ask what is kept, where the daemon is there already; `kept` follows."""
        if self.client is not None and self.client.ready:
            self.client.ask_kept()
            self._lists += 1
            self._loop.after(0, self.drain)

    def look(self) -> None:
        """Ask what is kept, and for the latest of the history; `kept` and `past` follow, or `failed`. Raises
        VelaturaError."""
        client = self._called()
        client.ask_kept()
        client.ask_history()
        self._lists += 2
        self._looking = True
        self._loop.after(0, self.drain)

    def look_further(self, before: int) -> None:
        """Ask for the history before that number; `past` follows. Raises VelaturaError."""
        self._called().ask_history(before=before)
        self._lists += 1
        self._loop.after(0, self.drain)

    def fetch(self, item: SavedItem) -> None:
        """Fetch a result; `finished` follows, and the daemon forgets it. Raises VelaturaError."""
        self._called().fetch(item)
        self._begin(item.job)

    def go_on(self, item: SavedItem) -> None:
        """Go on with a restyle that was stopped, to its end; it is told as any job. Raises VelaturaError."""
        self._called().resume(item)
        self._begin(item.job)

    def take_as_it_is(self, item: SavedItem) -> None:
        """Finish a restyle that was stopped with the picture as far as it got. Raises VelaturaError."""
        self._called().resume(item, how="as_it_is")
        self._begin(item.job)

    def drop(self, item: SavedItem) -> None:
        """Have it forgotten. Raises VelaturaError."""
        self._called().drop(item)
        self._loop.after(0, self.drain)

    def hang_up(self) -> None:
        """Leave; what is in work stops, and what is done of it is kept."""
        self._leave(Client.hang_up)

    def close(self) -> None:
        """Say goodbye; the daemon drops what is in work."""
        self._leave(Client.close)

    def _leave(self, how: Callable[[Client], None]) -> None:
        self._look_at(None)
        self._net.stop()
        self._jobs.clear()
        self._lists, self._looking = 0, False
        if self.client is not None:
            how(self.client)
            self.client = None

    # --- the event loop --------------------------------------------------------------------------------
    def drain(self) -> None:
        """Take what has come; called by the watch and by the net."""
        if self.client is None:
            return
        if self._watch is not None:
            self._watch.pause()  # the descriptor is edge-triggered: it is drained, then watched again
        for event in self.client.drain(PATIENCE):
            self._tell(event)
        if self.client is None:
            return  # closed by its listener
        self._look_at(self.client.fileno())
        if self.client.has_more:
            self._loop.after(0, self.drain)
        looking = bool(self._jobs or self._question or self._looking) and not self.client.ready
        self._net.start(LOOKING if looking else WORKING if self._jobs else IDLE)

    def _look_at(self, descriptor: int | None) -> None:
        if descriptor != self._watched:
            if self._watch is not None:
                self._watch.close()
            self._watched = descriptor
            self._watch = self._loop.watch(descriptor, self.drain) if descriptor is not None else None
        if self._watch is not None and self.client is not None:
            self._watch.listen(writing=self.client.wants_to_write)

    def _tell(self, event: Event) -> None:
        job = getattr(event, "job", "")
        tell = self.listener
        if isinstance(event, Connected):
            self._may_ask = True
            for waiting in self._jobs:
                tell.said(waiting, strings.SENDING)
            tell.connected()
        elif isinstance(event, SavedItems):
            self._lists, self._looking = self._lists - 1, False
            tell.kept(event.items)
        elif isinstance(event, HistoryEntries):
            self._lists -= 1
            tell.past(event.lines)
        elif isinstance(event, p.Queued) and event.place > 0:
            tell.said(job, strings.WAITING.format(place=event.place))
        elif isinstance(event, p.Estimate) and event.ticket in self._jobs:
            tell.said(event.ticket, event.sentence)
        elif isinstance(event, p.Estimate) and event.ticket == self._question:
            self._question = ""
            tell.estimated(event.sentence)
        elif isinstance(event, p.Notice):
            tell.said(job, event.sentence)
        elif isinstance(event, p.Progress):
            tell.progressed(job, event)
        elif isinstance(event, p.Preview):
            tell.previewed(job, event)
        elif isinstance(event, Finished):
            self._jobs.discard(job)
            tell.finished(job, event)
        elif isinstance(event, p.Cancelled):
            self._jobs.discard(job)
            tell.cancelled(job, event.replaced_by)
        elif isinstance(event, p.Failed):
            self._fail(job, error_from(event.code, event.sentence))

    def _fail(self, job: str, error: VelaturaError) -> None:
        if not job and self._question and self.client is not None and self.client.ready:
            self._end_question()  # it was refused: by an older daemon, which knows no such question or no such knob
            return
        if not job and self._lists and self.client is not None and self.client.ready:
            self._lists -= 1  # by an older daemon, again
            if self._looking:
                self.listener.failed("", error)
            return
        if self.client is None or not self.client.ready:
            self._end_question()
            self._lists, self._looking = 0, False
            if not self._worked:
                return
        jobs = [job] if job else list(self._jobs)
        for one in jobs or [""]:
            self._jobs.discard(one)
            self.listener.failed(one, error)

    def _end_question(self) -> None:
        self._question, self._may_ask = "", False
        self.listener.estimated("")
