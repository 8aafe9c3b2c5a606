"""The client: finds or starts the daemon, sends what it has not got, and turns its messages into events.

Two ways to use it. In an event loop (Qt, GLib): watch `fileno()`, keep a slow timer, and call `drain()` on either.
It never blocks. In a script:

    with Client("script") as client:
        done = client.restyle_and_wait(content, [(style, 1.0)], StyleSettings(strength=70))
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from velatura.app_dirs import AppDirs, places
from velatura.client.client_id import client_id_for
from velatura.client.connection import Connection, DaemonConnection
from velatura.client.launch import Launcher
from velatura.client.saved_results import HistoryEntry, SavedItem, history_entries, saved_items
from velatura.errors import BadMessage, DaemonLost, DaemonNotRunning, VelaturaError, error_from
from velatura.pixels import Picture, PictureRef
from velatura.protocol import messages as p
from velatura.protocol.transfer import Download, puts
from velatura.settings import StyleSettings


class GivenStyle(NamedTuple):
    """A style, its share among several, and where in the content it goes: a GRAY picture of the content's size, 0 where
    it does not; None: wherever no region is. name, path: for the history, what it is called and the file it came
    from."""

    picture: Picture
    share: float = 1.0
    region: Picture | None = None
    name: str = ""
    path: str = ""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return (self.picture,) if self.region is None else (self.picture, self.region)

    def to_wire(self) -> dict[str, Any]:
        region = None if self.region is None else self.region.ref.to_wire()
        return {
            "picture": self.picture.ref.to_wire(),
            "share": self.share,
            "region": region,
            "name": self.name[: p.MAX_NAME],
            "path": self.path[: p.MAX_NOTE],
        }


StyleList = Sequence[GivenStyle | tuple[Picture, float]]


@dataclass(frozen=True)
class Connected:
    """The daemon is there and trusted. results: finished ones of this client that it still holds, as many
    as fit its welcome."""

    welcome: p.Welcome


@dataclass(frozen=True)
class Finished:
    """The result has arrived, in the content's own format. result: where its box lies, weights, losses, notes. mask:
    what was selected, of the content's size; None: all of it."""

    job: str
    picture: Picture
    result: p.Result
    mask: Picture | None = None


@dataclass(frozen=True)
class SavedItems:
    """What the daemon keeps, the latest first."""

    items: list[SavedItem]


@dataclass(frozen=True)
class HistoryEntries:
    """A part of the history, the latest first."""

    lines: list[HistoryEntry]


Event = (
    Connected
    | Finished
    | p.Accepted
    | p.Queued
    | p.Estimate
    | p.Progress
    | p.Preview
    | p.Notice
    | p.Failed
    | p.Cancelled
    | p.Status
    | SavedItems
    | HistoryEntries
)


@dataclass
class _Job:
    blobs: dict[bytes, memoryview] = field(default_factory=dict)
    result: p.Result | None = None
    owner: str = ""  # the client that it is kept for, where that is another
    arriving: dict[bytes, bytearray] = field(default_factory=dict)


class Client:
    """One program's way to the daemon. Not thread-safe: use it from one thread."""

    def __init__(
        self,
        program: str,
        *,
        where: AppDirs | None = None,
        client_id: str | None = None,
        start: bool = True,
        launcher: Launcher | None = None,
        link: Connection | None = None,
    ) -> None:
        """program: 'krita', 'gimp', 'cli'… start: start the daemon where there is none, by `launcher` or the
        recorded command. link: another way to a daemon than by this user's own connection file. Nothing is sent before
        the first drain() or wait."""
        self.places = where or places()
        self.client_id = client_id or ("" if link else client_id_for(self.places, program))
        self._link: Connection = link or DaemonConnection(
            self.places, program, self.client_id, start=start, launcher=launcher
        )
        self._jobs: dict[str, _Job] = {}
        self._incoming: dict[int, tuple[Download, str]] = {}  # by ticket; with the job that it is for
        self._holding = False
        self._held: dict[str, str] = {}  # results that the daemon still keeps: whose they were, by job
        self._unsent: list[p.Message] = []
        self._events: list[Event] = []
        self.has_more = False

    # --- asking ------------------------------------------------------------------------------------
    def restyle(
        self,
        content: Picture,
        styles: StyleList,
        settings: StyleSettings,
        *,
        mask: Picture | None = None,
        layer: str = "",
        adjust: bool = False,
        weights: str = "auto",
        device: str = "auto",
        title: str = "",
        note: str = "",
        remember: bool = True,
    ) -> str:
        """Ask for a restyle; returns the job's id at once. styles: GivenStyle, or (picture, share). mask: GRAY, the
        content's size. layer: names what is restyled: a newer job for it replaces an older one. adjust: a knob was
        moved: go on from the last picture of this layer. weights, device: names that the daemon knows, 'auto' its
        choice. title: the layer's name for people. note: one's own words, given back with what is kept of the job
        (MAX_NOTE characters). remember: whether it goes into the history, and is kept when it is stopped, as one with a
        note is anyway. Hashes the pictures: some 10 ms for 16 MiB."""
        job = uuid.uuid4().hex
        given = [GivenStyle(*style) for style in styles]
        pictures = [content, *(picture for style in given for picture in style.pictures), *([mask] if mask else [])]
        request = p.Restyle(
            job=job,
            layer=layer or job,
            content=content.ref.to_wire(),
            styles=[style.to_wire() for style in given],
            mask=mask.ref.to_wire() if mask else None,
            settings=settings.to_wire(),
            adjust=adjust,
            weights=weights,
            device=device,
            title=title[: p.MAX_NAME],
            note=note,
            remember=remember,
        )
        self.hand_on(request, {name: data for picture in pictures for name, data in picture.blobs.items()})
        return job

    def hand_on(self, request: p.Restyle, blobs: Mapping[bytes, memoryview]) -> None:
        """Ask for a restyle that is described already; blobs: by name, whatever the daemon may lack of its pictures."""
        self._jobs[request.job] = _Job(dict(blobs))
        self._send(request)

    def cancel(self, job: str) -> None:
        """Stop a job; `Cancelled` follows."""
        if job in self._jobs:
            self._send(p.Cancel(job))

    def ask_estimate(
        self, width: int, height: int, settings: StyleSettings, *, weights: str = "auto", device: str = "auto"
    ) -> str:
        """Ask how long a restyle of this size would take, and how much memory; an `Estimate` event with the ticket that
        this returns follows."""
        ticket = uuid.uuid4().hex
        self._send(p.GetEstimate(ticket, width, height, settings.to_wire(), weights, device))
        return ticket

    def ask_status(self) -> None:
        """Ask what is warm and what is queued; a `Status` event follows."""
        self._send(p.GetStatus())

    def shut_down(self, *, if_idle: bool = False) -> None:
        """Ask the daemon to leave."""
        self._send(p.Shutdown(if_idle))

    # --- what is kept ------------------------------------------------------------------------------
    def hold(self) -> None:
        """From now on the daemon keeps a result until `received` says that it is safe: in a document, in a file."""
        self._holding = True

    def received(self, done: Finished) -> None:
        """This result is safe: the daemon may forget it. Where the daemon has gone, it stays kept."""
        owner = self._held.pop(done.job, None)
        if owner is not None and self._link.ready:
            self._send(p.Drop(done.job, owner) if owner else p.Received(done.job))

    def ask_kept(self, *, everyone: bool = False) -> None:
        """Ask which results wait and which restyles were stopped midway; `SavedItems` follows. everyone: of all this
        user's programs."""
        self._send(p.ListSaved(everyone))

    def fetch(self, item: SavedItem) -> None:
        """Fetch a finished one; `Finished` follows, and the daemon forgets it as it does any other's result."""
        assert item.result is not None
        self._jobs.setdefault(item.job, _Job(owner=item.client))
        self._start_fetching(item.result)

    def resume(self, item: SavedItem, *, how: str = "go_on") -> None:
        """Take up one that was stopped midway; events follow as of any job, of the same id. how: 'go_on' to its end, or
        'as_it_is': the picture as far as it got."""
        self._jobs.setdefault(item.job, _Job())
        self._send(p.Resume(item.job, item.client, how))

    def drop(self, item: SavedItem) -> None:
        """Have it forgotten, finished or not."""
        self._send(p.Drop(item.job, item.client))

    def ask_history(self, *, before: int = 0) -> None:
        """Ask for the latest restyles, or those before that number; `HistoryEntries` follows."""
        self._send(p.GetHistory(before))

    def forget_everything(self) -> None:
        """Have pictures, results, restyles stopped midway and the history wiped; an empty `SavedItems` follows."""
        self._send(p.Forget())

    # --- the event loop's way ----------------------------------------------------------------------
    def fileno(self) -> int | None:
        """The descriptor to watch, or None while the daemon is being looked for or started (keep a timer)."""
        return self._link.fileno()

    @property
    def wants_to_write(self) -> bool:
        """Whether to watch the descriptor for writing too, until the next drain()."""
        return self._link.wants_to_write

    @property
    def ready(self) -> bool:
        """Whether the handshake is done."""
        return self._link.ready

    def drain(self, patience: float = 3600.0) -> list[Event]:
        """What has happened since. Never blocks; call it at least every quarter heartbeat. patience: seconds after
        which it stops taking: where `has_more` says so then, call it again soon (pixels are hashed as they come)."""
        until = time.monotonic() + patience
        self.has_more = False
        try:
            welcome = self._link.advance()
            if welcome is not None:
                self._events.append(Connected(welcome))
            if self._link.ready:
                unsent, self._unsent = self._unsent, []
                for message in unsent:
                    self._send(message)
            self._link.keep_alive()
            # Receiving comes last: a send can swallow the descriptor's sign that something has come.
            while (message_in := self._link.receive()) is not None:
                self._take(message_in)
                if time.monotonic() > until:
                    self.has_more = True
                    break
            if not self.has_more:
                self._link.check_alive()
        except VelaturaError as error:
            self._fail_all(error)
        except OSError as error:
            self._fail_all(DaemonLost(f"The way to the daemon is broken ({error}). Run 'velatura doctor'."))
        events, self._events = self._events, []
        return events

    # --- the script's way --------------------------------------------------------------------------
    def events(self, job: str = "") -> Iterator[Event]:
        """Events as they come, all of them or one job's, ending after the job's last. Blocks between them.
        Other jobs' events are kept for later."""
        others: list[Event] = []
        batch: list[Event] = []
        try:
            while True:
                batch = self.drain()
                while batch:
                    event = batch.pop(0)
                    about = getattr(event, "job", "")
                    if job and about not in (job, ""):
                        others.append(event)
                        continue
                    yield event
                    if job and isinstance(event, (Finished, p.Failed, p.Cancelled)):
                        return
                self._link.wait()
        finally:
            self._events[:0] = others + batch

    def restyle_and_wait(self, content: Picture, styles: StyleList, settings: StyleSettings, **more: Any) -> Finished:
        """Restyle and wait for it. Raises what failed."""
        job = self.restyle(content, styles, settings, **more)
        for event in self.events(job):
            if isinstance(event, Finished):
                return event
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise VelaturaError("The restyle was cancelled.")

    def wait_until_ready(self) -> p.Welcome:
        """Wait for the daemon. Raises DaemonNotRunning, DaemonCannotStart, NotTrusted, VersionMismatch…"""
        for event in self.events():
            if isinstance(event, Connected):
                return event.welcome
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise AssertionError("events() has no end without a job")

    def status(self) -> dict[str, Any]:
        """The daemon's status, waited for."""
        self.ask_status()
        for event in self.events():
            if isinstance(event, p.Status):
                return event.report
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise AssertionError("events() has no end without a job")

    def estimate(self, width: int, height: int, settings: StyleSettings, **more: str) -> p.Estimate:
        """How long a restyle of this size would take, waited for."""
        ticket = self.ask_estimate(width, height, settings, **more)
        for event in self.events():
            if isinstance(event, p.Estimate) and event.ticket == ticket:
                return event
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise AssertionError("events() has no end without a job")

    def close(self) -> None:
        """Say goodbye. Jobs that still run are dropped by the daemon."""
        self._link.close()

    def hang_up(self) -> None:
        """Leave without a goodbye: jobs that still run are stopped, and what is done of them is kept, to be gone on
        with."""
        self._link.drop()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside ------------------------------------------------------------------------------------
    def _send(self, message: p.Message) -> None:
        if not self._link.ready:
            self._link.start_looking()
            self._unsent.append(message)
            return
        if not self._link.send(message):
            raise DaemonLost("The daemon takes nothing any more. Run 'velatura daemon status', and restyle again.")

    def _take(self, message: p.Message) -> None:
        if isinstance(message, p.Get):
            self._give(message)
        elif isinstance(message, p.Put):
            self._arrived(message)
        elif isinstance(message, p.Result):
            if message.job in self._jobs:
                self._start_fetching(message)
        elif isinstance(message, p.Failed):
            if message.code == "no_session":
                self._fail_all(
                    DaemonLost(
                        "The daemon gave this session up after a long silence. Restyle again; what was in work is kept."
                    )
                )
            else:
                self._forget(message.job)
                self._events.append(message)
        elif isinstance(message, p.Cancelled):
            self._forget(message.job)
            self._events.append(message)
        elif isinstance(message, p.Bye):
            self._fail_all(DaemonLost(message.sentence or "The daemon has been stopped. Restyle again to start it."))
        elif isinstance(message, p.Preview):
            self._events.append(message)
            self._send(p.PreviewShown(message.job))
        elif isinstance(message, p.SavedList):
            self._events.append(SavedItems(saved_items(message.data)))
        elif isinstance(message, p.History):
            self._events.append(HistoryEntries(history_entries(message.data)))
        elif isinstance(message, (p.Accepted, p.Queued, p.Estimate, p.Progress, p.Notice, p.Status)):
            self._events.append(message)

    def _give(self, asked: p.Get) -> None:
        """Send what the daemon asked for; nothing where the job is no more: the daemon knows that too."""
        data = next((job.blobs[asked.blob] for job in self._jobs.values() if asked.blob in job.blobs), None)
        for put in puts(asked, data) if data is not None else ():
            self._send(put)

    def _start_fetching(self, result: p.Result) -> None:
        job = self._jobs[result.job]
        job.result = result
        for ref in _pictures_of(result):
            for blob in ref.blobs:
                if blob in job.blobs or blob in job.arriving:
                    continue  # its profile and its mask are those that were sent
                arriving = job.arriving[blob] = bytearray()
                incoming = Download(blob, arriving.extend, ref.length if blob == ref.blob else None)
                self._incoming[incoming.ticket] = (incoming, result.job)
                self._send(incoming.first_get())
        self._finish_if_whole(result.job)

    def _arrived(self, put: p.Put) -> None:
        if put.ticket not in self._incoming:
            return
        incoming, job = self._incoming[put.ticket]
        credit = incoming.take(put)
        if credit is not None:
            self._send(credit)
        if incoming.finished:
            del self._incoming[put.ticket]
            self._finish_if_whole(job)

    def _finish_if_whole(self, name: str) -> None:
        job = self._jobs[name]
        if job.result is None or any(owner == name for _, owner in self._incoming.values()):
            return
        have: dict[bytes, memoryview | bytearray] = {**job.blobs, **job.arriving}
        pictures = []
        for ref in _pictures_of(job.result):
            if any(blob not in have for blob in ref.blobs):
                raise BadMessage("The result's picture did not arrive whole. Restyle again.")
            fmt = replace(ref.format, profile=bytes(have[ref.profile]) if ref.profile else b"")
            pictures.append(Picture(ref.width, ref.height, fmt, have[ref.blob]))
        done = Finished(name, pictures[0], job.result, pictures[1] if len(pictures) > 1 else None)
        self._events.append(done)
        self._held[name] = job.owner
        if not self._holding:
            self.received(done)
        self._forget(name)

    def _forget(self, job: str) -> None:
        self._jobs.pop(job, None)
        for ticket in [t for t, (_, owner) in self._incoming.items() if owner == job]:
            del self._incoming[ticket]

    def _fail_all(self, error: VelaturaError) -> None:
        """The way to the daemon is gone: every job fails with the same sentence, and the next request looks anew."""
        self._link.drop()
        names = list(self._jobs) or [""]
        self._jobs.clear()
        self._incoming.clear()
        self._unsent.clear()
        for name in names:
            self._events.append(p.Failed(name, error.code, error.sentence))


def _pictures_of(result: p.Result) -> list[PictureRef]:
    """Its picture, and its mask where it has one."""
    return [PictureRef.from_wire(said) for said in (result.picture, result.mask) if said is not None]


def running_daemon(where: AppDirs | None = None) -> Client | None:
    """A client of the daemon that runs, or None: for commands that must not start one."""
    client = Client("cli", where=where, start=False)
    try:
        client.wait_until_ready()
    except DaemonNotRunning:
        client.close()
        return None
    return client
