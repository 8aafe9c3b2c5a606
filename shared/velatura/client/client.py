"""The client: connects to the daemon, sends requests and pictures, and returns what happens as events.

There are two ways to use it. In an event loop (Qt, GLib), watch `fileno()`, keep a slow timer, and call `drain()` on
either; it never blocks. In a script, wait for events or results::

    with Client("script") as client:
        done = client.restyle_and_wait(content, [(style, 1.0)], StyleSettings(strength=70))
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from velatura import strings
from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.client_id import client_id_for
from velatura.client.connection import Connection, DaemonConnection
from velatura.client.events import Connected, Event, Finished, HistoryEntries, SavedItems, StyleList
from velatura.client.launch import Launcher
from velatura.client.requests import Requests
from velatura.client.saved_results import history_entries, saved_items
from velatura.errors import DaemonLost, DaemonNotRunning, VelaturaError, error_from
from velatura.i18n import lazy_text, sentences
from velatura.pixels import Picture
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

# In one `drain`: a daemon that sends without end must neither keep a program there nor fill its memory.
EVENTS_AT_ONCE = 64
# Of other jobs, while a script waits for one: beyond it their progress and previews are dropped. Half an hour of it.
OTHERS_KEPT = 10_000


class Client(Requests):
    """A program's connection to the daemon. Not thread-safe: use it from one thread.

    Nothing is sent before the first `drain`, or a method that waits. After a failure, the next request connects again.

    Args:
        program: The program's name, such as 'krita', 'gimp' or 'cli'. Results belong to it.
        dirs: The folders with the connection file; by default the user's own.
        client_id: What results belong to; by default the same at each run of the program.
        start: Start the daemon if none is running.
        launcher: How to start it; by default as recorded at installation.
        connection: Used instead of a connection by this user's connection file.

    Attributes:
        client_id: What results belong to.
        has_more: Whether `drain` stopped early.
    """

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
        self.dirs = dirs or app_dirs()
        self.client_id = client_id or ("" if connection else client_id_for(self.dirs, program))
        self._connection: Connection = connection or DaemonConnection(
            self.dirs, program, self.client_id, start=start, launcher=launcher
        )
        super().__init__()
        self._unsent: list[p.Message] = []
        self._events: list[Event] = []
        self.has_more = False

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
        """Return the events since the last call. Never blocks; errors are `Failed` events.

        Call it at least once per quarter of a heartbeat.

        Args:
            patience: Seconds after which it stops reading, since received pixels are hashed as they arrive. It also
                stops after EVENTS_AT_ONCE events. `has_more` says whether it stopped early; if so, call it again soon.

        Returns:
            The events in their order.
        """
        deadline, room = time.monotonic() + patience, len(self._events) + EVENTS_AT_ONCE
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
                if time.monotonic() > deadline or len(self._events) >= room:
                    self.has_more = True
                    break
            if not self.has_more:
                self._connection.check_alive()
        except VelaturaError as error:
            self.fail_all(error)
        except OSError as error:
            self.fail_all(
                DaemonLost(
                    lazy_text("The connection to the daemon failed ({why}). Run 'velatura doctor'.", why=str(error))
                )
            )
        events, self._events = self._events, []
        return events

    # --- in a script -------------------------------------------------------------------------------
    def events(self, job: str = "") -> Iterator[Event]:
        """Yield events as they arrive; block in between.

        Args:
            job: Only the events of this job and those that concern no job; ends after the job's last event, which is
                `Finished`, `Failed` or `Cancelled`. The events of other jobs are kept for later. Empty: all events,
                without end.

        Yields:
            The events in their order.
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
                        if len(others) < OTHERS_KEPT or not isinstance(event, (p.Progress, p.Preview)):
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
        """Restyle and wait for the result.

        Args:
            content: The picture to restyle.
            styles: Pairs of a picture and its share, or `GivenStyle`.
            settings: The settings of the restyle.
            **options: As for `restyle`.

        Returns:
            The result.

        Raises:
            VelaturaError: The job has failed or was cancelled; a subclass of `velatura.errors` says why.
        """
        job = self.restyle(content, styles, settings, **options)
        for event in self.events(job):
            if isinstance(event, Finished):
                return event
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise VelaturaError(lazy_text("The restyle was cancelled."))

    def wait_until_ready(self) -> p.Welcome:
        """Wait for the connection.

        Returns:
            The daemon's welcome, with its limits and the results that were not fetched yet.

        Raises:
            DaemonNotRunning: None is running, and none may be started.
            DaemonCannotStart: It was started, and ended or did not answer.
            DaemonLost: It does not answer.
            NotTrusted: The program at its address does not know the key.
            VersionMismatch: It has another major version of the protocol.
        """
        for event in self.events():
            if isinstance(event, Connected):
                return event.welcome
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise AssertionError("events() without a job never ends")

    def status(self) -> dict[str, Any]:
        """Request the state of the daemon and wait for it.

        Returns:
            The report of a `status` message; docs/protocol.md lists its fields.

        Raises:
            VelaturaError: As for `wait_until_ready`.
        """
        self.request_status()
        for event in self.events():
            if isinstance(event, p.Status):
                return event.report
            if isinstance(event, p.Failed):
                raise error_from(event.code, event.sentence)
        raise AssertionError("events() without a job never ends")

    def estimate(self, width: int, height: int, settings: StyleSettings, **options: Any) -> p.Estimate:
        """Request an estimate and wait for it.

        Args:
            width: The content's width in pixels.
            height: The content's height in pixels.
            settings: The settings of the restyle.
            **options: As for `request_estimate`.

        Returns:
            Time and memory.

        Raises:
            VelaturaError: As for `wait_until_ready`.
        """
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
            raise DaemonLost(
                lazy_text("The daemon no longer reads messages. Run 'velatura daemon status', and restyle again.")
            )

    def _handle(self, message: p.Message) -> None:
        if isinstance(message, p.Get):
            self._blobs.upload(message)
        elif isinstance(message, p.Put):
            if (step := self._blobs.receive_step(message)) is not None:
                self._events.append(step)
                self._send(p.StepReceived(step.job))
            self._finish(self._blobs.receive(message))
        elif isinstance(message, p.Step):
            self._blobs.fetch_step(message)
        elif isinstance(message, p.Result):
            if message.job in self._blobs:
                self._fetch_result(message)
        elif isinstance(message, p.Failed):
            if message.code == "no_session":
                self.fail_all(
                    DaemonLost(lazy_text("The daemon closed this session after a long silence. Restyle again."))
                )
            else:
                self._blobs.remove(message.job)
                self._events.append(message)
        elif isinstance(message, p.Cancelled):
            self._blobs.remove(message.job)
            self._events.append(message)
        elif isinstance(message, p.Bye):
            self.fail_all(
                DaemonLost(message.sentence or lazy_text("The daemon was stopped. Restyle again to start it."))
            )
        elif isinstance(message, p.Preview):
            self._events.append(message)
            self._send(p.PreviewShown(message.job))
        elif isinstance(message, p.SavedList):
            self._events.append(SavedItems(saved_items(message.data)))
        elif isinstance(message, p.History):
            self._events.append(HistoryEntries(history_entries(message.data)))
        elif isinstance(message, p.ProgressSaved):
            self._blobs.note_saved(message.job)
            self._events.append(message)
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
        saved = self._blobs.saved_jobs
        jobs = self._blobs.jobs or [""]
        self._blobs.clear()
        self._unsent.clear()
        for job in jobs:
            sentence = sentences(error.sentence, strings.PROGRESS_SAVED) if job in saved else error.sentence
            self._events.append(p.Failed(job, error.code, sentence))


def running_daemon(dirs: AppDirs | None = None) -> Client | None:
    """Return a client of the running daemon. Never starts one.

    Args:
        dirs: The folders with the connection file; by default the user's own.

    Returns:
        The client, connected; None if no daemon is running.

    Raises:
        VelaturaError: One is running, but does not answer; as for `Client.wait_until_ready`.
    """
    client = Client("cli", dirs=dirs, start=False)
    try:
        client.wait_until_ready()
    except DaemonNotRunning:
        client.close()
        return None
    return client
