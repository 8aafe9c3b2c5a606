"""The daemon's client on an editor's event loop: jobs go in, what becomes of them is told. Never blocks."""

from __future__ import annotations

from typing import Protocol

from pastiche import protocol as p
from pastiche import words
from pastiche.client import Client, Connected, Event, Finished, StyleList
from pastiche.errors import PasticheError, error_from
from pastiche.loop import Loop, Watch
from pastiche.pixels import Picture
from pastiche.settings import StyleSettings

LOOKING = 30  # ms between looks while the daemon is found or started: there is no descriptor to watch yet
WORKING = 100  # ms: a net under the watch while a job is on
PATIENCE = 0.01  # seconds that one drain may take
IDLE = 1000  # ms: for the heartbeat


class Listener(Protocol):
    """Who is told; the job's id comes first, or '' where it is about none."""

    def said(self, job: str, sentence: str) -> None: ...
    def progressed(self, job: str, progress: p.Progress) -> None: ...
    def previewed(self, job: str, preview: p.Preview) -> None: ...
    def finished(self, job: str, done: Finished) -> None: ...
    def failed(self, job: str, error: PasticheError) -> None: ...
    def estimated(self, sentence: str) -> None:
        """What the latest question is answered by; '' where no answer will come."""

    def cancelled(self, job: str, replaced_by: str) -> None:
        """replaced_by: the job that took its place, or ''."""


class Session:
    """One editor's way to the daemon, found or started at the first question or restyle."""

    def __init__(self, program: str, loop: Loop, listener: Listener) -> None:
        self._program, self._loop, self.listener = program, loop, listener
        self.client: Client | None = None
        self._jobs: set[str] = set()
        self._question = ""  # the latest estimate that was asked for
        self._may_ask = True  # until a question fails; with the next connection there may be an answer again
        self._worked = False  # whether a restyle was asked for: before that, nobody waits for the daemon
        self._watch: Watch | None = None
        self._watched: int | None = None
        self._net = loop.timer(self.drain)

    def restyle(self, content: Picture, styles: StyleList, settings: StyleSettings, *,
                mask: Picture | None, layer: str, adjust: bool = False) -> str:  # fmt: skip
        """Ask for a restyle; returns the job's id. The pictures' hashes should be known by now (`Picture.ref`).
        Raises PasticheError."""
        self._worked = True
        if self.client is None:
            self.client = Client(self._program)
        job = self.client.restyle(content, styles, settings, mask=mask, layer=layer, adjust=adjust)
        self._jobs.add(job)
        self.listener.said(job, words.SENDING if self.client.ready else words.WAKING)
        self._loop.after(0, self.drain)
        return job

    def estimate(self, width: int, height: int, settings: StyleSettings) -> None:
        """Ask how long a restyle would take; `estimated` follows, or nothing: a question is no reason to complain."""
        if not self._may_ask:
            self.listener.estimated("")
            return
        try:
            if self.client is None:
                self.client = Client(self._program)
            self._question = self.client.ask_estimate(width, height, settings)
        except PasticheError:
            self._end_question()
        self._loop.after(0, self.drain)

    def cancel(self, job: str) -> None:
        if self.client is not None:
            self.client.cancel(job)
            self._loop.after(0, self.drain)

    def close(self) -> None:
        """Say goodbye; the daemon drops what is in work."""
        self._look_at(None)
        self._net.stop()
        if self.client is not None:
            self.client.close()
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
        looking = bool(self._jobs or self._question) and not self.client.ready
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
                tell.said(waiting, words.SENDING)
        elif isinstance(event, p.Queued) and event.place > 0:
            tell.said(job, words.WAITING.format(place=event.place))
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

    def _fail(self, job: str, error: PasticheError) -> None:
        if not job and self._question and self.client is not None and self.client.ready:
            self._end_question()  # it was refused: by an older daemon, which knows no such question or no such knob
            return
        if self.client is None or not self.client.ready:
            self._end_question()
            if not self._worked:
                return
        jobs = [job] if job else list(self._jobs)
        for one in jobs or [""]:
            self._jobs.discard(one)
            self.listener.failed(one, error)

    def _end_question(self) -> None:
        self._question, self._may_ask = "", False
        self.listener.estimated("")
