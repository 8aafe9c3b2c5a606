"""Pictures through the daemon, several at once: read on threads, asked for, fetched, written on threads.

A picture goes from `_todo` to `_reading` to `_ready` to `_asked` to `_writing`, and is let go of when its file is
written: what is in memory is what lies between. Whatever ends the run, what is finished is written, or waits in the
daemon for the next run.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

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
    UnsafeConnectionFile,
    VelaturaError,
    VersionMismatch,
    error_from,
)
from velatura.protocol import messages as p
from velatura_daemon.batch.concurrency import MOST, READ_AHEAD_BYTES, Pace, room_for, workers_in
from velatura_daemon.batch.file_hashes import hash_of_file, look_of
from velatura_daemon.batch.frames import Frame
from velatura_daemon.batch.manifest import Manifest, Seen
from velatura_daemon.batch.recipe import Order, Recipe
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.restyle_task import facts_of, layer_of, note_of

# What is not one picture's fault: the next would fare no better.
FOR_ALL = (
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
THREADS = 4  # that read and write
READERS = 2  # of them at most: to scale a picture of 24 megapixels takes 0.6 GB for a moment
LOSSES = 2  # of the daemon in a row, without a picture between them
BUSY_PATIENCE = 60  # times that a daemon which is full of others' jobs is asked for the same picture again
BUSY_PAUSE = 1.0  # seconds between them
LOOK_EVERY = 15.0  # seconds between questions for the daemon's workers: a farm grows
TURN, HANDSHAKE_TURN = 0.5, 0.03  # seconds, the longest sleep between looks


class Told(Protocol):
    """Who shows how it goes."""

    def asked(self, frame: Frame, job: str) -> None: ...
    def event(self, event: Event) -> None: ...
    def going(self, settled: int, a_minute: float, under_way: float) -> None: ...
    def made(self, frame: Frame, facts: dict[str, Any]) -> None: ...
    def failed(self, frame: Frame, error: VelaturaError) -> None: ...
    def note(self, sentence: str, about: Frame | None = None) -> None: ...


@dataclass(eq=False)
class Item:
    """A picture on its way. force: whether a file that lies there is written over. done: how far it is, 0 to 1."""

    frame: Frame
    force: bool
    seen: Seen | None = None
    order: Order | None = None
    job: str = ""
    done: float = 0.0
    refused: int = 0

    @property
    def bytes_held(self) -> int:
        return self.order.content.nbytes if self.order else 0


@dataclass
class Outcome:
    """made: results written by this run. failed: pictures without one. weights, device: of the last one made."""

    made: list[Frame] = field(default_factory=list)
    failed: list[tuple[Frame, VelaturaError]] = field(default_factory=list)
    weights: str = ""
    device: str = ""


class Run:
    """One batch. Use it once."""

    def __init__(self, client: Client, recipe: Recipe, ledger: Manifest, told: Told, *, force: bool) -> None:
        self._client = client
        self._recipe = recipe
        self._ledger = ledger
        self._told = told
        self._force = force
        self._todo: deque[Item] = deque()
        self._reading: dict[Future[None], Item] = {}
        self._ready: deque[Item] = deque()
        self._asked: dict[str, Item] = {}
        self._writing: dict[Future[list[str]], tuple[Item, Finished]] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pictures")
        self._wake_out, self._wake_in = socket.socketpair()
        self._workers = 1
        self._cap = MOST  # fewer, where the daemon is full
        self._knows_kept = False  # what earlier runs left in the daemon is known: only then is anything asked for
        self._kept: dict[tuple[str, str], SavedItem] = {}  # by where it was to go, and what it was made of
        self._losses = 0
        self._not_before = 0.0
        self._next_look = 0.0
        self._remembered = False
        self.pace = Pace()
        self.outcome = Outcome()

    def through(self, frames: list[Frame]) -> Outcome:
        """Restyle them all. Raises what would keep every one of them from being restyled, and KeyboardInterrupt; what
        is finished by then is written."""
        for frame in frames:
            if self._force or self._ledger.may_write(frame.output):
                self._todo.append(Item(frame, force=self._force or frame.output.exists()))
            else:
                self._fail(
                    frame,
                    FileExists(
                        f"{frame.output} is there already, and not as this command has written it. Move it away, or "
                        "--force to replace it."
                    ),
                )
        self._client.acknowledge_manually()  # until each file is written
        with warnings.catch_warnings(), self._ended():
            warnings.simplefilter("ignore")  # as `decode` does by itself, but its threads would undo each other's
            if self._todo:
                self._ask_what_is_kept()
            while self._todo or self._in_hand:
                self._turn()
        return self.outcome

    @property
    def _in_hand(self) -> int:
        return len(self._reading) + len(self._ready) + len(self._asked) + len(self._writing)

    def _turn(self) -> None:
        self._settle()
        self._read_more()
        self._ask_more()
        events = self._client.drain()
        for event in events:
            self._on(event)
        under_way = sum(item.done for item in self._asked.values()) + len(self._writing)
        settled = self.pace.made + len(self.outcome.failed)
        self._told.going(settled, self.pace.a_minute(under_way), under_way)
        if not events:
            self._wait()

    # --- reading ---------------------------------------------------------------------------------------
    def _read_more(self) -> None:
        room = min(self._cap, room_for(self._workers))
        while self._todo and len(self._reading) < READERS and self._in_hand < room and not self._holds_enough:
            item = self._todo.popleft()
            self._reading[self._begin(self._read, item)] = item

    @property
    def _holds_enough(self) -> bool:
        """Of large pictures, no more than keep the workers busy."""
        items = [*self._ready, *self._asked.values(), *(item for item, _ in self._writing.values())]
        return self._in_hand > self._workers and sum(item.bytes_held for item in items) > READ_AHEAD_BYTES

    def _read(self, item: Item) -> None:
        from velatura_daemon.imaging.files import check_output
        from velatura_daemon.imaging.files.decode import readable

        photo = item.frame.photo
        with readable(photo):
            look = look_of(photo)  # before it is read: one that is written meanwhile is another the next time
            item.seen = Seen(look, hash_of_file(photo))
        item.order = self._recipe.order(photo)
        check_output(item.frame.output, item.force, (item.order.content.width, item.order.content.height))

    # --- asking ----------------------------------------------------------------------------------------
    def _ask_what_is_kept(self) -> None:
        """Finished pictures of a run that was killed wait in the daemon. Looks for the daemon, and starts it, where
        need be."""
        self._knows_kept = False
        self._client.request_saved()
        self._look_at_workers()

    def _look_at_workers(self) -> None:
        self._next_look = time.monotonic() + LOOK_EVERY
        self._client.request_status()

    def _ask_more(self) -> None:
        if not self._knows_kept or time.monotonic() < self._not_before:
            return
        if time.monotonic() > self._next_look:
            self._look_at_workers()
        while self._ready:
            item = self._ready.popleft()
            assert item.seen is not None
            key = self._recipe.key_with(item.seen.hash)
            kept = self._kept.pop((str(item.frame.output.resolve()), key), None)
            if kept is None:
                item.job = self._ask(item, key)
                self._told.asked(item.frame, item.job)
            else:
                item.job, item.order = kept.job, None
                self._client.fetch(kept)
            self._asked[item.job] = item

    def _ask(self, item: Item, key: str) -> str:
        order, frame, recipe = item.order, item.frame, self._recipe
        assert order is not None
        # One of them in the history is what it takes to use the recipe again; all of them would push everything else
        # out.
        remember, self._remembered = not self._remembered, True
        return self._client.restyle(
            order.content,
            order.styles,
            recipe.settings,
            mask=order.mask,
            layer=layer_of(frame.photo, frame.output),
            weights=recipe.weights,
            device=recipe.device,
            title=printable(frame.photo.name),
            note=note_of(frame.output, batch=key),
            remember=remember,
        )

    # --- what the daemon says --------------------------------------------------------------------------
    def _on(self, event: Event) -> None:
        if isinstance(event, SavedItems):
            self._take_kept(event)
            return
        if isinstance(event, p.Status):
            self._workers = workers_in(event.report)
            self._cap = min(MOST, self._cap + 1)
            return
        self._told.event(event)
        if isinstance(event, p.Notice):
            item = self._asked.get(event.job)
            self._told.note(event.sentence, item.frame if item else None)
        elif isinstance(event, p.Progress) and event.job in self._asked:
            self.pace.begin()
            self._asked[event.job].done = event.done
        elif isinstance(event, Finished) and event.job in self._asked:
            item = self._asked.pop(event.job)
            self._losses = 0
            self._writing[self._begin(self._write, item, event)] = (item, event)
        elif isinstance(event, p.Cancelled) and event.job in self._asked:
            newer = VelaturaError("The restyle was cancelled: a newer one for the same picture took its place.")
            self._fail(self._asked.pop(event.job).frame, newer)
        elif isinstance(event, p.Failed):
            self._on_failed(event)

    def _on_failed(self, event: p.Failed) -> None:
        error = error_from(event.code, event.sentence)
        item = self._asked.pop(event.job, None)
        if isinstance(error, DaemonLost):
            self._lost(error, item)
        elif item is None or isinstance(error, FOR_ALL):
            raise error
        elif isinstance(error, TooBusy) and item.refused < BUSY_PATIENCE:
            self._cap = max(1, len(self._asked))
            if not self._asked:  # it is not our own jobs that fill it
                item.refused += 1
                self._not_before = time.monotonic() + BUSY_PAUSE
            self._put_back(item)
        else:
            self._fail(item.frame, error)

    def _lost(self, error: DaemonLost, item: Item | None) -> None:
        """Every job fails with the same sentence, one after the other; the first looks for the daemon. One that was
        told to stop leaves no connection file behind, and is not started against that will."""
        if not self._client.dirs.connection_file.exists():
            raise error
        if self._knows_kept or item is None:
            self._losses += 1
            if self._losses > LOSSES:
                raise error
            self._told.note("The daemon was lost. It is started again, and asked again for what it had in work.")
            self._ask_what_is_kept()
        if item is not None:
            self._put_back(item)

    def _put_back(self, item: Item) -> None:
        """To the front of the line. It is read again: what waits is not to fill the memory."""
        self._todo.appendleft(Item(item.frame, item.force, refused=item.refused))

    def _take_kept(self, kept: SavedItems) -> None:
        """What earlier runs left: to be fetched where it is wanted still, dropped where its file is written."""
        self._knows_kept = True
        self._kept.clear()
        for one in kept.items:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                note = json.loads(one.note)
                output, key = str(note["output"]), str(note["batch"])
                if not one.finished:
                    continue  # the daemon goes on with it by itself when it is asked for the same
                if self._ledger.has_made(Path(output), key):
                    self._client.drop(one)  # the last run was killed before it had said so
                else:
                    self._kept[output, key] = one

    # --- writing ---------------------------------------------------------------------------------------
    def _write(self, item: Item, done: Finished) -> list[str]:
        """Returns a sentence for each thing that the format could not keep."""
        from velatura_daemon.imaging.files import write_picture

        assert item.seen is not None
        facts = {**facts_of(done, self._recipe.settings), "batch": self._recipe.key_with(item.seen.hash)}
        notes = write_picture(
            item.frame.output, done.picture, description=json.dumps(facts, ensure_ascii=False), force=item.force
        )
        self._ledger.note(item.frame.output, self._recipe.key, item.frame.photo.name, item.seen)
        return notes

    def _settle(self) -> None:
        """What the threads have finished."""
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
                self._made(item, done, writing.result())
            else:
                self._fail_or_raise(item, error)

    def _made(self, item: Item, done: Finished, notes: list[str]) -> None:
        self._client.acknowledge(done)
        self.pace.made += 1
        self.outcome.made.append(item.frame)
        self.outcome.weights, self.outcome.device = done.result.weights, done.result.device
        for note in [*done.result.notes, *notes]:
            self._told.note(note, item.frame)
        self._told.made(item.frame, facts_of(done, self._recipe.settings))

    def _fail_or_raise(self, item: Item, error: BaseException) -> None:
        if not isinstance(error, Exception):
            raise error
        told = as_velatura_error(error)
        if isinstance(told, FOR_ALL):
            raise told
        self._fail(item.frame, told)

    def _fail(self, frame: Frame, error: VelaturaError) -> None:
        self.outcome.failed.append((frame, error))
        self._told.failed(frame, error)

    # --- threads and the end ---------------------------------------------------------------------------
    def _begin(self, work: Any, *about: Any) -> Future[Any]:
        future = self._pool.submit(work, *about)
        future.add_done_callback(partial(_wake, self._wake_in))
        return future

    def _wait(self) -> None:
        """Until the daemon says something, a thread has finished, or it is time to look."""
        descriptor = self._client.fileno()
        watched: list[Any] = [self._wake_out, *([] if descriptor is None else [descriptor])]
        writing = [descriptor] if descriptor is not None and self._client.needs_write else []
        ready, _, _ = select.select(watched, writing, [], TURN if self._client.ready else HANDSHAKE_TURN)
        if self._wake_out in ready:
            self._wake_out.recv(4096)

    @contextlib.contextmanager
    def _ended(self) -> Iterator[None]:
        """However it ends, threads end first, and what they have written is told the daemon."""
        try:
            yield
        finally:
            self._todo.clear()
            self._pool.shutdown(wait=True, cancel_futures=True)
            for writing, (item, done) in self._writing.items():
                if not writing.cancelled() and writing.exception() is None:
                    self._made(item, done, writing.result())
            self._writing.clear()
            self._wake_in.close()
            self._wake_out.close()


def _wake(sleeper: socket.socket, _: Future[Any]) -> None:
    sleeper.send(b"!")
