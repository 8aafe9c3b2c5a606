"""Runs a batch, several pictures at a time: reads them in threads, submits jobs, fetches results, writes in threads.

A picture moves from `_todo` through `_reading`, `_ready`, `_submitted` and `_writing`, and is released when its file is
written, so the pictures in memory are those in the middle stages. However the run ends, finished results are either
written, or saved in the daemon for the next run.
"""

from __future__ import annotations

import contextlib
import json
import select
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from velatura.client.client import Client
from velatura.client.events import Event, Finished, SavedItems
from velatura.client.saved_results import SavedItem
from velatura.editor.background import as_velatura_error
from velatura.errors import (
    BadSetting,
    BadWeights,
    DaemonCannotStart,
    DaemonLost,
    DaemonNotRunning,
    DeviceUnavailable,
    DiskTrouble,
    FileExists,
    NotTrusted,
    Offline,
    TooBusy,
    UnknownBlob,
    UnsafeConnectionFile,
    VelaturaError,
    VersionMismatch,
    error_from,
)
from velatura.i18n import lazy_text
from velatura.protocol import messages as p
from velatura_daemon.batch.concurrency import (
    MAX_IN_FLIGHT,
    READ_AHEAD_BYTES,
    Pace,
    in_flight_limit,
    wake,
    wake_sockets,
    worker_count,
)
from velatura_daemon.batch.file_hashes import hash_of_file, stat_of
from velatura_daemon.batch.frames import Frame
from velatura_daemon.batch.items import BatchObserver, Item, Outcome
from velatura_daemon.batch.manifest import Fingerprint, Manifest
from velatura_daemon.batch.recipe import Recipe
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.restyle_task import REPLACED, client_note, layer_name, metadata_of
from velatura_daemon.user_paths import exists, real_path

# Errors that are not about one picture: the next one would fail in the same way.
FATAL = (
    BadSetting,
    BadWeights,
    DaemonCannotStart,
    DaemonNotRunning,
    DeviceUnavailable,
    DiskTrouble,
    NotTrusted,
    Offline,
    UnsafeConnectionFile,
    VersionMismatch,
)
THREADS = 4  # for reading and writing
MAX_READERS = 2  # of these threads: scaling a picture of 24 megapixels takes 0.6 GB for a moment
MAX_DAEMON_LOSSES = 2  # in a row, without a finished picture in between
MAX_REFUSALS = 60  # of one picture, by a daemon that is full of other clients' jobs
REFUSAL_PAUSE = 1.0  # seconds before trying again
STATUS_SECONDS = 15.0  # interval of status requests, for the number of workers: a cluster may grow
MAX_SLEEP, HANDSHAKE_SLEEP = 0.5, 0.03  # seconds, longest wait before the next step


class BatchRun:
    """One run of a batch. Create a new one for each run."""

    def __init__(
        self,
        client: Client,
        recipe_for: Callable[[Frame], Recipe],
        manifest: Manifest,
        observer: BatchObserver,
        *,
        force: bool,
    ) -> None:
        """recipe_for: how each picture is restyled. force: overwrite files that this command did not write."""
        self._client = client
        self._recipe_for = recipe_for
        self._manifest = manifest
        self._observer = observer
        self._force = force
        self._todo: deque[Item] = deque()
        self._reading: dict[Future[None], Item] = {}
        self._ready: deque[Item] = deque()
        self._submitted: dict[str, Item] = {}
        self._writing: dict[Future[list[str]], tuple[Item, Finished]] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pictures")
        self._wake_receiver, self._wake_sender = wake_sockets()
        self._workers = 1
        self._limit = MAX_IN_FLIGHT  # lower while the daemon is full
        self._saved_known = False  # whether the results of earlier runs are known; nothing is submitted before
        self._saved: dict[tuple[str, str], SavedItem] = {}  # by output file, and key of recipe and picture
        self._daemon_losses = 0
        self._submit_after = 0.0
        self._next_status = 0.0
        self._in_history = False
        self._uses: Counter[Path] = Counter()  # of each photo: `velatura compare` restyles it several times
        self.pace = Pace()
        self.outcome = Outcome()

    def run(self, frames: list[Frame]) -> Outcome:
        """Restyle all frames. Raises errors that concern all pictures, and KeyboardInterrupt; results that are finished
        by then are written first."""
        self._uses = Counter(frame.photo for frame in frames)
        for frame in frames:
            if self._force or self._manifest.may_write(frame.output):
                self._todo.append(Item(frame, force=self._force or exists(frame.output)))
            else:
                self._fail(
                    frame,
                    FileExists(
                        lazy_text(
                            "{path} already exists with content that is not from this command. Move it away, or use "
                            "--force to replace it.",
                            path=str(frame.output),
                        )
                    ),
                )
        self._client.acknowledge_manually()  # the daemon keeps each result until its file is written
        with warnings.catch_warnings(), self._cleanup():
            # `decode` does this too, but in threads the calls would undo each other's filters.
            warnings.simplefilter("ignore")
            if self._todo:
                self._request_saved()
            while self._todo or self._in_flight:
                self._step()
        return self.outcome

    @property
    def _in_flight(self) -> int:
        return len(self._reading) + len(self._ready) + len(self._submitted) + len(self._writing)

    def _step(self) -> None:
        self._collect_finished()
        self._start_reading()
        self._submit_ready()
        events = self._client.drain()
        for event in events:
            self._on(event)
        running = sum(item.done for item in self._submitted.values()) + len(self._writing)
        settled = self.pace.made + len(self.outcome.failed)
        self._observer.progress(settled, self.pace.per_minute(running), running)
        if not events:
            self._wait()

    # --- reading ---------------------------------------------------------------------------------------
    def _start_reading(self) -> None:
        limit = min(self._limit, in_flight_limit(self._workers))
        while self._todo and len(self._reading) < MAX_READERS and self._in_flight < limit and not self._memory_is_full:
            item = self._todo.popleft()
            self._reading[self._start(self._read, item)] = item

    @property
    def _memory_is_full(self) -> bool:
        """Whether there are enough large pictures in memory to keep the workers busy."""
        items = [*self._ready, *self._submitted.values(), *(item for item, _ in self._writing.values())]
        return self._in_flight > self._workers and sum(item.bytes_held for item in items) > READ_AHEAD_BYTES

    def _read(self, item: Item) -> None:
        from velatura_daemon.imaging.files import check_output
        from velatura_daemon.imaging.files.decode import reporting_read_errors

        photo = item.frame.photo
        with reporting_read_errors(photo):
            stat = stat_of(photo)  # before reading: if the file changes meanwhile, it counts as changed the next time
            item.fingerprint = Fingerprint(stat, hash_of_file(photo))
        item.request = self._recipe_for(item.frame).request_for(photo, item.frame.output)
        item.metadata = item.request.metadata
        self._manifest.make_folder_for(item.frame.output)
        check_output(item.frame.output, item.force, (item.request.content.width, item.request.content.height))

    # --- submitting ------------------------------------------------------------------------------------
    def _request_saved(self) -> None:
        """Ask the daemon for results of an earlier run that was killed. Connects to the daemon, and starts it if
        needed."""
        self._saved_known = False
        self._client.request_saved()
        self._request_status()

    def _request_status(self) -> None:
        self._next_status = time.monotonic() + STATUS_SECONDS
        self._client.request_status()

    def _submit_ready(self) -> None:
        if not self._saved_known or time.monotonic() < self._submit_after:
            return
        if time.monotonic() > self._next_status:
            self._request_status()
        while self._ready:
            item = self._ready.popleft()
            assert item.fingerprint is not None
            key = self._recipe_for(item.frame).key_with(item.fingerprint.hash)
            saved = self._saved.pop((str(real_path(item.frame.output)), key), None)
            if saved is None:
                item.job = self._submit(item, key)
                self._observer.submitted(item.frame, item.job)
            else:
                item.job, item.request = saved.job, None
                self._client.fetch(saved)
            self._submitted[item.job] = item

    def _submit(self, item: Item, key: str) -> str:
        request, frame, recipe = item.request, item.frame, self._recipe_for(item.frame)
        assert request is not None
        # One entry in the history is enough to reuse the recipe; an entry for each picture would push out all others.
        remember, self._in_history = not self._in_history, True
        return self._client.restyle(
            request.content,
            request.styles,
            recipe.settings,
            mask=request.mask,
            layer=layer_name(frame.photo, frame.output),
            weights=recipe.weights,
            device=recipe.options.device,
            title=printable(frame.photo.name),
            note=client_note(frame.output, batch=key),
            remember=remember,
            once=self._uses[frame.photo] == 1,
        )

    # --- events of the daemon --------------------------------------------------------------------------
    def _on(self, event: Event) -> None:
        if isinstance(event, SavedItems):
            self._on_saved(event)
            return
        if isinstance(event, p.Status):
            self._workers = worker_count(event.report)
            self._limit = min(MAX_IN_FLIGHT, self._limit + 1)
            return
        self._observer.event(event)
        if isinstance(event, p.Notice):
            item = self._submitted.get(event.job)
            self._observer.note(event.sentence, item.frame if item else None)
        elif isinstance(event, p.Progress) and event.job in self._submitted:
            self.pace.begin()
            self._submitted[event.job].done = event.done
        elif isinstance(event, Finished) and event.job in self._submitted:
            item = self._submitted.pop(event.job)
            self._daemon_losses = 0
            self._writing[self._start(self._write, item, event)] = (item, event)
        elif isinstance(event, p.Cancelled) and event.job in self._submitted:
            self._fail(self._submitted.pop(event.job).frame, VelaturaError(REPLACED))
        elif isinstance(event, p.Failed):
            self._on_failed(event)

    def _on_failed(self, event: p.Failed) -> None:
        error = error_from(event.code, event.sentence)
        if isinstance(error, UnknownBlob) and self._retry_fetched(event.job):
            return
        item = self._submitted.pop(event.job, None)
        if isinstance(error, DaemonLost):
            self._on_daemon_lost(error, item)
        elif item is None or isinstance(error, FATAL):
            raise error
        elif isinstance(error, TooBusy) and item.refusals < MAX_REFUSALS:
            self._limit = max(1, len(self._submitted))
            if not self._submitted:  # the daemon is full of other clients' jobs
                item.refusals += 1
                self._submit_after = time.monotonic() + REFUSAL_PAUSE
            self._retry(item)
        else:
            self._fail(item.frame, error)

    def _on_daemon_lost(self, error: DaemonLost, item: Item | None) -> None:
        """Reconnect. All jobs fail with this error one after the other; the first one starts the reconnection.

        A daemon that was asked to stop leaves no connection file. Then it is not started again, and `error` is raised.
        """
        if not self._client.dirs.connection_file.exists():
            raise error
        if self._saved_known or item is None:
            self._daemon_losses += 1
            if self._daemon_losses > MAX_DAEMON_LOSSES:
                raise error
            self._observer.note(
                lazy_text("The connection to the daemon was lost. It is restarted, and its jobs are continued.")
            )
            self._request_saved()
        if item is not None:
            self._retry(item)

    def _retry(self, item: Item) -> None:
        """Put a picture back to the front of the queue. It is read again, so that waiting pictures take no memory."""
        self._todo.appendleft(Item(item.frame, item.force, refusals=item.refusals))

    def _retry_fetched(self, job: str) -> bool:
        """Restyle the pictures whose results were being fetched, since one of these is gone. job: of that result; '' if
        the daemon did not say. Returns whether there are any."""
        fetched = [item for item in self._submitted.values() if item.request is None and job in ("", item.job)]
        for item in fetched:
            del self._submitted[item.job]
            self._retry(item)
        return bool(fetched)

    def _on_saved(self, saved: SavedItems) -> None:
        """Results of earlier runs: remember those that are still needed; drop those whose files are written."""
        self._saved_known = True
        self._saved.clear()
        for result in saved.items:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                note = json.loads(result.note)
                output, key = str(note["output"]), str(note["batch"])
                if not result.finished:
                    continue  # the daemon continues it when the same job is submitted
                if self._manifest.has_key(Path(output), key):
                    self._client.drop(result)  # the last run was killed before it confirmed the delivery
                else:
                    self._saved[output, key] = result

    # --- writing ---------------------------------------------------------------------------------------
    def _write(self, item: Item, done: Finished) -> list[str]:
        """Write a result. Returns a sentence for each property that the format could not keep."""
        from velatura_daemon.imaging.files import write_picture

        assert item.fingerprint is not None
        recipe = self._recipe_for(item.frame)
        metadata = {**metadata_of(done, recipe.settings), "batch": recipe.key_with(item.fingerprint.hash)}
        description = json.dumps(metadata, ensure_ascii=False)
        notes = write_picture(
            item.frame.output, done.picture, description=description, metadata=item.metadata, force=item.force
        )
        self._manifest.note(item.frame.output, recipe.key, item.frame.name, item.fingerprint)
        return notes

    def _collect_finished(self) -> None:
        """Handle the pictures that the threads have finished reading or writing."""
        for reading in [future for future in self._reading if future.done()]:
            item = self._reading.pop(reading)
            error = reading.exception()
            if error is None:
                self._ready.append(item)
            else:
                self._fail_or_raise(item, error)
        for writing in [future for future in self._writing if future.done()]:
            item, done = self._writing.pop(writing)
            error = writing.exception()
            if error is None:
                self._on_made(item, done, writing.result())
            else:
                self._fail_or_raise(item, error)

    def _on_made(self, item: Item, done: Finished, notes: list[str]) -> None:
        self._client.acknowledge(done)
        self.pace.made += 1
        self.outcome.made.append(item.frame)
        self.outcome.weights, self.outcome.device = done.result.weights, done.result.device
        about = item.request.notes if item.request else ()
        for note in [*about, *done.result.notes, *notes]:
            self._observer.note(note, item.frame)
        self._observer.made(item.frame, metadata_of(done, self._recipe_for(item.frame).settings))

    def _fail_or_raise(self, item: Item, error: BaseException) -> None:
        if not isinstance(error, Exception):
            raise error
        known_error = as_velatura_error(error)
        if isinstance(known_error, FATAL):
            raise known_error
        self._fail(item.frame, known_error)

    def _fail(self, frame: Frame, error: VelaturaError) -> None:
        self.outcome.failed.append((frame, error))
        self._observer.failed(frame, error)

    # --- threads and the end ---------------------------------------------------------------------------
    def _start(self, function: Any, *arguments: Any) -> Future[Any]:
        """Call a function in a thread; when it returns, `_wait` returns."""
        future = self._pool.submit(function, *arguments)
        future.add_done_callback(partial(wake, self._wake_sender))
        return future

    def _wait(self) -> None:
        """Wait until the daemon sends something, a thread finishes, or MAX_SLEEP is over."""
        descriptor = self._client.fileno()
        watched: list[Any] = [self._wake_receiver, *([] if descriptor is None else [descriptor])]
        writing = [descriptor] if descriptor is not None and self._client.needs_write else []
        ready, _, _ = select.select(watched, writing, [], MAX_SLEEP if self._client.ready else HANDSHAKE_SLEEP)
        if self._wake_receiver in ready:
            self._wake_receiver.recv(4096)

    @contextlib.contextmanager
    def _cleanup(self) -> Iterator[None]:
        """However the run ends, wait for the threads, and confirm to the daemon what they have written."""
        try:
            yield
        finally:
            self._todo.clear()
            self._pool.shutdown(wait=True, cancel_futures=True)
            for writing, (item, done) in self._writing.items():
                if not writing.cancelled() and writing.exception() is None:
                    self._on_made(item, done, writing.result())
            self._writing.clear()
            self._wake_sender.close()
            self._wake_receiver.close()
