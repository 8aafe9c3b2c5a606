"""The client: connects to the daemon, sends requests and pictures, and returns what happens as events.

There are two ways to use it. In an event loop (Qt, GLib), watch `fileno()`, keep a slow timer, and call `drain()` on
either; it never blocks. In a script:

    with Client("script") as client:
        done = client.restyle_and_wait(content, [(style, 1.0)], StyleSettings(strength=70))
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.client_id import client_id_for
from velatura.client.connection import Connection, DaemonConnection
from velatura.client.events import Connected, Event, Finished, GivenStyle, HistoryEntries, SavedItems, StyleList
from velatura.client.job_blobs import JobBlobs
from velatura.client.launch import Launcher
from velatura.client.saved_results import SavedItem, history_entries, saved_items
from velatura.errors import DaemonLost, DaemonNotRunning, VelaturaError, error_from
from velatura.pixels import Picture
from velatura.protocol import messages as p
from velatura.settings import StyleSettings


class Client:
    """A program's connection to the daemon. Not thread-safe: use it from one thread."""

    def __init__(
        self,
        program: str,
        *,
        dirs: AppDirs | None = None,
        client_id: str | None = None,
        start: bool = True,
        launcher: Launcher | None = None,
        connection: Connection | None = None,
    ) -> None:
        """program: 'krita', 'gimp', 'cli', and so on. dirs: where the connection file is, by default the user's own
        folders. start: start the daemon if none is running, with `launcher` or the recorded command. connection: used
        instead of a connection by this user's connection file. Nothing is sent before the first drain() or wait."""
        self.dirs = dirs or app_dirs()
        self.client_id = client_id or ("" if connection else client_id_for(self.dirs, program))
        self._connection: Connection = connection or DaemonConnection(
            self.dirs, program, self.client_id, start=start, launcher=launcher
        )
        self._blobs = JobBlobs(self._send)
        self._manual_acknowledgement = False
        self._unacknowledged: dict[str, str] = {}  # results that the daemon still has: their owner, by job
        self._unsent: list[p.Message] = []
        self._events: list[Event] = []
        self.has_more = False

    # --- restyles ----------------------------------------------------------------------------------
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
        """Request a restyle. Returns the id of the job at once. Hashes the pictures: about 10 ms for 16 MiB.

        styles: GivenStyle, or (picture, share). mask: GRAY, of the content's size. layer: a name for what is restyled;
        a newer job for the same layer replaces an older one. adjust: a setting was changed: continue from the last
        picture of this layer. weights, device: names that the daemon knows, or 'auto' for its choice. title: the name
        of the layer, for people. note: any text of up to MAX_NOTE characters, returned with whatever is saved of the
        job. remember: whether the job is added to the history, and saved if it is stopped. A job with a note is saved
        in any case.
        """
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
        self.submit(request, {name: data for picture in pictures for name, data in picture.blobs.items()})
        return job

    def submit(self, request: p.Restyle, blobs: Mapping[bytes, memoryview]) -> None:
        """Send a complete request. blobs: all blobs of its pictures that the daemon may lack, by name."""
        self._blobs.add(request.job, blobs)
        self._send(request)

    def cancel(self, job: str) -> None:
        """Stop a job. `Cancelled` follows."""
        if job in self._blobs:
            self._send(p.Cancel(job))

    def request_estimate(
        self, width: int, height: int, settings: StyleSettings, *, weights: str = "auto", device: str = "auto"
    ) -> str:
        """Request how long a restyle of this size takes and how much memory it needs.

        Returns a ticket. An `Estimate` event with the same ticket follows.
        """
        ticket = uuid.uuid4().hex
        self._send(p.GetEstimate(ticket, width, height, settings.to_wire(), weights, device))
        return ticket

    def request_status(self) -> None:
        """Request the state of the daemon. A `Status` event follows."""
        self._send(p.GetStatus())

    def shut_down(self, *, if_idle: bool = False) -> None:
        """Ask the daemon to shut down. if_idle: only if it has nothing to do."""
        self._send(p.Shutdown(if_idle))

    # --- saved results and the history -------------------------------------------------------------
    def acknowledge_manually(self) -> None:
        """From now on the daemon keeps each result until `acknowledge` is called.

        Call that once the result is safe, in a document or a file. Otherwise results are acknowledged as they arrive.
        """
        self._manual_acknowledgement = True

    def acknowledge(self, done: Finished) -> None:
        """Allow the daemon to delete this result. Does nothing if the daemon is not connected: it keeps the result."""
        owner = self._unacknowledged.pop(done.job, None)
        if owner is not None and self._connection.ready:
            self._send(p.Drop(done.job, owner) if owner else p.Received(done.job))

    def request_saved(self, *, everyone: bool = False) -> None:
        """Request the list of unfetched results and stopped restyles. `SavedItems` follows.

        everyone: of all programs of this user.
        """
        self._send(p.ListSaved(everyone))

    def fetch(self, item: SavedItem) -> None:
        """Fetch a finished result. `Finished` follows; acknowledge it like any other result."""
        assert item.result is not None
        self._blobs.add_saved(item.job, item.client)
        self._fetch_result(item.result)

    def resume(self, item: SavedItem, *, how: str = "go_on") -> None:
        """Resume a stopped restyle. The events of a job with the same id follow.

        how: 'go_on' finishes it; 'as_it_is' returns the picture as it was when the restyle stopped.
        """
        self._blobs.add_saved(item.job)
        self._send(p.Resume(item.job, item.client, how))

    def drop(self, item: SavedItem) -> None:
        """Delete a saved result or stopped restyle."""
        self._send(p.Drop(item.job, item.client))

    def request_history(self, *, before: int = 0) -> None:
        """Request the newest entries of the history, or those before that number. `HistoryEntries` follows."""
        self._send(p.GetHistory(before))

    def forget_everything(self) -> None:
        """Delete pictures, results, stopped restyles and the history. An empty `SavedItems` follows."""
        self._send(p.Forget())

    # --- in an event loop --------------------------------------------------------------------------
    def fileno(self) -> int | None:
        """The descriptor to watch, or None while the daemon is being found or started (use a timer then)."""
        return self._connection.fileno()

    @property
    def needs_write(self) -> bool:
        """Whether to watch the descriptor for writing as well, until the next drain()."""
        return self._connection.needs_write

    @property
    def ready(self) -> bool:
        """Whether the handshake is complete."""
        return self._connection.ready

    def drain(self, patience: float = 3600.0) -> list[Event]:
        """Return the events since the last call. Never blocks. Call it at least once per quarter of a heartbeat.

        patience: seconds after which it stops reading, since received pixels are hashed as they arrive. `has_more`
        says whether it stopped early; if so, call it again soon.
        """
        deadline = time.monotonic() + patience
        self.has_more = False
        try:
            welcome = self._connection.advance()
            if welcome is not None:
                self._events.append(Connected(welcome))
            if self._connection.ready:
                unsent, self._unsent = self._unsent, []
                for message in unsent:
                    self._send(message)
            self._connection.keep_alive()
            # Receive last: a send can consume the edge-triggered signal that data has arrived.
            while (received := self._connection.receive()) is not None:
                self._handle(received)
                if time.monotonic() > deadline:
                    self.has_more = True
                    break
            if not self.has_more:
                self._connection.check_alive()
        except VelaturaError as error:
            self.fail_all(error)
        except OSError as error:
            self.fail_all(DaemonLost(f"The connection to the daemon failed ({error}). Run 'velatura doctor'."))
        events, self._events = self._events, []
        return events

    # --- in a script -------------------------------------------------------------------------------
    def events(self, job: str = "") -> Iterator[Event]:
        """Yield events as they arrive; block in between.

        job: only the events of this job and those that concern no job; ends after the job's last event. The events of
        other jobs are kept for later.
        """
        others: list[Event] = []
        batch: list[Event] = []
        try:
            while True:
                batch = self.drain()
                while batch:
                    event = batch.pop(0)
                    event_job = getattr(event, "job", "")
                    if job and event_job not in (job, ""):
                        others.append(event)
                        continue
                    yield event
                    if job and isinstance(event, (Finished, p.Failed, p.Cancelled)):
                        return
                self._connection.wait()
        finally:
            self._events[:0] = others + batch

    def restyle_and_wait(
        self, content: Picture, styles: StyleList, settings: StyleSettings, **options: Any
    ) -> Finished:
        """Restyle and wait for the result. options: as for `restyle`. Raises the VelaturaError of a failed job."""
        job = self.restyle(content, styles, settings, **options)
        for event in self.events(job):
            if isinstance(event, Finished):
                return event
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise VelaturaError("The restyle was cancelled.")

    def wait_until_ready(self) -> p.Welcome:
        """Wait for the connection. Raises DaemonNotRunning, DaemonCannotStart, NotTrusted, VersionMismatch…"""
        for event in self.events():
            if isinstance(event, Connected):
                return event.welcome
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise AssertionError("events() without a job never ends")

    def status(self) -> dict[str, Any]:
        """Request the state of the daemon and wait for it. Returns the report of a `status` message."""
        self.request_status()
        for event in self.events():
            if isinstance(event, p.Status):
                return event.report
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise AssertionError("events() without a job never ends")

    def estimate(self, width: int, height: int, settings: StyleSettings, **options: str) -> p.Estimate:
        """Request an estimate and wait for it. options: as for `request_estimate`."""
        ticket = self.request_estimate(width, height, settings, **options)
        for event in self.events():
            if isinstance(event, p.Estimate) and event.ticket == ticket:
                return event
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise AssertionError("events() without a job never ends")

    def close(self) -> None:
        """Say goodbye to the daemon, which drops unfinished jobs, and close the connection."""
        self._connection.close()

    def disconnect(self) -> None:
        """Close the connection without a goodbye. The daemon stops unfinished jobs and saves their progress."""
        self._connection.disconnect()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- internals ---------------------------------------------------------------------------------
    def _send(self, message: p.Message) -> None:
        if not self._connection.ready:
            self._connection.start_connecting()
            self._unsent.append(message)
            return
        if not self._connection.send(message):
            raise DaemonLost("The daemon no longer reads messages. Run 'velatura daemon status', and restyle again.")

    def _handle(self, message: p.Message) -> None:
        if isinstance(message, p.Get):
            self._blobs.upload(message)
        elif isinstance(message, p.Put):
            self._finish(self._blobs.receive(message))
        elif isinstance(message, p.Result):
            if message.job in self._blobs:
                self._fetch_result(message)
        elif isinstance(message, p.Failed):
            if message.code == "no_session":
                self.fail_all(
                    DaemonLost(
                        "The daemon closed this session after a long silence. Restyle again: progress was saved."
                    )
                )
            else:
                self._blobs.remove(message.job)
                self._events.append(message)
        elif isinstance(message, p.Cancelled):
            self._blobs.remove(message.job)
            self._events.append(message)
        elif isinstance(message, p.Bye):
            self.fail_all(DaemonLost(message.sentence or "The daemon was stopped. Restyle again to start it."))
        elif isinstance(message, p.Preview):
            self._events.append(message)
            self._send(p.PreviewShown(message.job))
        elif isinstance(message, p.SavedList):
            self._events.append(SavedItems(saved_items(message.data)))
        elif isinstance(message, p.History):
            self._events.append(HistoryEntries(history_entries(message.data)))
        elif isinstance(message, (p.Accepted, p.Queued, p.Estimate, p.Progress, p.Notice, p.Status)):
            self._events.append(message)

    def _fetch_result(self, result: p.Result) -> None:
        """Start to download a result. Subclasses check it here."""
        self._finish(self._blobs.fetch(result))

    def _finish(self, done: Finished | None) -> None:
        if done is None:
            return
        self._events.append(done)
        self._unacknowledged[done.job] = self._blobs.owner(done.job)
        if not self._manual_acknowledgement:
            self.acknowledge(done)
        self._blobs.remove(done.job)

    def fail_all(self, error: VelaturaError) -> None:
        """Close the connection and let every job fail with this error. The next request connects again."""
        self._connection.disconnect()
        jobs = self._blobs.jobs or [""]
        self._blobs.clear()
        self._unsent.clear()
        for job in jobs:
            self._events.append(p.Failed(job, error.code, error.sentence))


def running_daemon(dirs: AppDirs | None = None) -> Client | None:
    """Return a client of the running daemon, or None if none is running. Never starts one."""
    client = Client("cli", dirs=dirs, start=False)
    try:
        client.wait_until_ready()
    except DaemonNotRunning:
        client.close()
        return None
    return client
