"""Restyles the frames of a film through the daemon: in each shot one after another, since each follows the ones before
it, and several shots at a time.

A shot reads ahead by one frame, and keeps the frames that the next one follows. So the frames in memory depend on the
shots that are in flight, and not on the film's length. However the run ends, finished frames are written, or saved in
the daemon for the next run.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from velatura.client.client import Client
from velatura.client.events import Event, Finished, SavedItems
from velatura.client.saved_results import SavedItem
from velatura.editor.background import as_velatura_error
from velatura.editor.frames import FOLLOWED
from velatura.errors import DaemonLost, NotAPicture, TooBusy, UnknownBlob, VelaturaError, VersionMismatch, error_from
from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura.protocol import messages as p
from velatura_daemon.batch.concurrency import MAX_IN_FLIGHT, Pace, worker_count
from velatura_daemon.batch.runner import FATAL, MAX_DAEMON_LOSSES, MAX_REFUSALS, REFUSAL_PAUSE, STATUS_SECONDS
from velatura_daemon.film.plan import Plan
from velatura_daemon.film.recipe import FilmRecipe, FrameRequest, frame_error, look_back
from velatura_daemon.film.shot import Shot
from velatura_daemon.film.sources import Reading, Source
from velatura_daemon.film.waking_pool import WakingPool
from velatura_daemon.film.work import Work
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.restyle_task import client_note, layer_name
from velatura_daemon.user_paths import real_path

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture

T = TypeVar("T")

THREADS = 4  # for reading and writing
MAX_WRITING = 8  # frames that wait to be written before no more are submitted
# Shots beyond one per worker, so that none waits while a frame is fetched and the next one is sent.
SHOTS_AHEAD = 1
MAX_BYTES = 4 << 30  # of frames that all shots keep: a farm of 30 workers must not fill this machine's memory


class FilmObserver(Protocol):
    """Is notified of a film's progress. number: of a frame, from 0. settled: finished frames of this run; running: the
    progress of those in flight, added up."""

    def submitted(self, number: int, job: str) -> None: ...
    def event(self, event: Event) -> None: ...
    def progress(self, settled: int, per_minute: float, running: float) -> None: ...
    def made(self, number: int, path: Path, seconds: float) -> None: ...
    def note(self, sentence: str) -> None: ...


@dataclass
class FilmOutcome:
    """made: frames written by this run. weights, device: of the last result."""

    made: int = 0
    weights: str = ""
    device: str = ""


class FilmRun:
    """One run. Create a new one for each."""

    def __init__(
        self,
        client: Client,
        source: Source,
        plan: Plan,
        recipe: FilmRecipe,
        reading: Reading,
        work: Work,
        observer: FilmObserver,
        key: str,
    ) -> None:
        """key: stands for everything that changes a frame."""
        self._client, self._source, self._plan, self._recipe = client, source, plan, recipe
        self._reading, self._work, self._observer, self._key = reading, work, observer, key
        self._is_steady = recipe.recipe.settings.steadiness > 0
        self._distances: tuple[int, ...] = ()  # known with the first frame's size
        self._shot_bytes = 1  # that a shot keeps; known then too
        self._shots: list[Shot] = []
        self._waiting: deque[range] = deque()
        self._jobs: dict[str, Shot] = {}
        self._writing: dict[Future[Path], tuple[int, Finished | None]] = {}
        self._pool = WakingPool(THREADS, "frames")
        self._workers = 1
        self._saved_known = False  # whether the results of earlier runs are known; nothing is submitted before
        self._saved: dict[int, SavedItem] = {}
        self._daemon_losses = 0
        self._submit_after = self._next_status = 0.0
        self._in_history = False
        self.pace = Pace()
        self.outcome = FilmOutcome()
        self.most_held = 0  # frames in memory at a time

    def run(self) -> FilmOutcome:
        """Restyle all frames that are not finished. Raises the error of the first frame that cannot be restyled, and
        KeyboardInterrupt; results that are finished by then are written first."""
        self._waiting.extend(shot for shot in self._plan.shot_ranges if self._work.first_missing(shot) < shot.stop)
        self._client.acknowledge_manually()  # the daemon keeps each result until its file is written
        with warnings.catch_warnings(), self._cleanup():
            # `decode` does this too, but in threads the calls would undo each other's filters.
            warnings.simplefilter("ignore")
            if self._waiting:
                self._request_saved()
            while self._waiting or self._shots or self._writing:
                self._step()
        return self.outcome

    @property
    def _shots_at_once(self) -> int:
        """One until the size of a frame is known, and as many as the memory allows."""
        if not self._distances:
            return 1
        return min(MAX_IN_FLIGHT, self._workers + SHOTS_AHEAD, max(1, MAX_BYTES // self._shot_bytes))

    def _step(self) -> None:
        self._collect_written()
        self._shots = [shot for shot in self._shots if not shot.is_over]
        while self._waiting and len(self._shots) < self._shots_at_once:
            self._begin(self._waiting.popleft())
        for shot in self._shots:
            self._read_ahead(shot)
            self._submit(shot)
        self.most_held = max(self.most_held, sum(shot.frames_held for shot in self._shots) + len(self._writing))
        events = self._client.drain()
        for event in events:
            self._on(event)
        running = sum(shot.done for shot in self._jobs.values()) + len(self._writing)
        self._observer.progress(self.outcome.made, self.pace.per_minute(running), running)
        if not events:
            self._pool.wait(self._client)

    # --- reading ---------------------------------------------------------------------------------------
    def _begin(self, frames: range) -> None:
        """Start a shot at its first frame that is not finished: all later ones follow it."""
        first = self._work.first_missing(frames)
        known = max(frames.start, first - FOLLOWED[-1]) if self._is_steady else first
        reader = self._frames_from(known)
        if self._is_steady and known > frames.start:
            reader = itertools.chain(itertools.islice(self._frames_from(frames.start), 1), reader)
        self._shots.append(Shot(frames, first, frames.start if self._is_steady else first, known, reader))

    def _frames_from(self, number: int) -> Iterator[LoadedPicture]:
        return self._source.frames(self._plan.timing, self._plan.facts, number, self._reading)

    def _read_ahead(self, shot: Shot) -> None:
        if shot.reading is not None and shot.reading.done():
            reading, shot.reading = shot.reading, None
            request = _result_of(reading)
            shot.prepared.append(request)
            if not self._distances:
                self._distances = look_back(request.content.nbytes)
                self._shot_bytes = (2 * (self._distances[-1] + 1) if self._is_steady else 1) * request.content.nbytes
            for note in request.notes:
                self._observer.note(note)
        if shot.reading is None and not shot.prepared and shot.following < shot.frames.stop:
            shot.reading = self._pool.start(partial(self._read, shot, shot.take_next()))

    def _read(self, shot: Shot, number: int) -> FrameRequest:
        loaded = next(shot.reader, None)
        if loaded is None:
            name = self._source.path.name
            raise NotAPicture(lazy_text("{name} ended while it was being read. Run the command again.", name=name))
        return self._recipe.request_for(number, loaded, self._source.path)

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

    def _submit(self, shot: Shot) -> None:
        """Submit the shot's next frame if the one before it is finished."""
        if not (self._saved_known and self._client.ready):
            return
        if time.monotonic() < self._submit_after or len(self._writing) >= MAX_WRITING:
            return
        if time.monotonic() > self._next_status:
            self._request_status()
        while shot.prepared and shot.running is None:
            frame = shot.prepared.popleft()
            if self._is_steady and frame.number < shot.missing:
                self._remember(shot, frame, self._work.read(frame.number))
            elif not self._is_steady and self._work.is_done(frame.number):
                pass
            elif (result := self._known_result(shot, frame)) is not None:
                self._save(frame.number, result, None)
                self._remember(shot, frame, result)
            else:
                shot.running, shot.done = frame, 0.0
                shot.job = self._send(shot, frame)
                self._jobs[shot.job] = shot
                self._observer.submitted(frame.number, shot.job)
            self._read_ahead(shot)

    def _known_result(self, shot: Shot, frame: FrameRequest) -> Picture | None:
        """The result of a frame that needs no work: nothing of it is to be restyled, or it is the frame before."""
        if frame.styles is None:
            return frame.content
        before = shot.window.get(frame.number - 1)
        if before is None or before[0].ref != frame.content.ref or any(style.region for style in frame.styles):
            return None
        same_mask = (before[2].ref if before[2] else None) == (frame.mask.ref if frame.mask else None)
        return before[1] if same_mask else None

    def _send(self, shot: Shot, frame: FrameRequest) -> str:
        recipe, number = self._recipe.recipe, frame.number
        saved = self._saved.pop(number, None)
        shot.is_fetched = saved is not None
        if saved is not None:
            self._client.fetch(saved)
            return saved.job
        if self._is_steady and number > shot.frames.start and not self._client.understands_films:
            raise VersionMismatch(
                lazy_text(
                    "The running daemon is older and cannot keep films steady. Run 'velatura daemon stop', then run "
                    "the command again, or use --steadiness 0."
                )
            )
        path = self._work.file_for(number, frame.content.format.sample)
        # One entry in the history is enough to reuse the settings.
        remember, self._in_history = not self._in_history, True
        assert frame.styles is not None
        return self._client.restyle(
            frame.content,
            frame.styles,
            recipe.settings,
            mask=frame.mask,
            layer=layer_name(self._source.path, path),
            weights=recipe.weights,
            device=recipe.options.device,
            title=printable(self._source.path.name),
            note=client_note(path, film=self._key, frame=str(number)),
            remember=remember,
            previous=self._previous(shot, number),
            background=True,
        )

    def _previous(self, shot: Shot, number: int) -> list[tuple[Picture, Picture]]:
        """The frames that this one follows: the nearest first, and the first of the shot."""
        if not self._is_steady:
            return []
        start = shot.frames.start
        numbers = [number - distance for distance in self._distances if number - distance > start]
        pairs = [shot.window.get(one) for one in (*numbers, start)]
        return [pair[:2] for pair in pairs if pair is not None]

    def _remember(self, shot: Shot, frame: FrameRequest, result: Picture) -> None:
        """Keep a finished frame as long as others follow it."""
        if not self._is_steady:
            return
        shot.window[frame.number] = frame.content, result, frame.mask
        if (last := frame.number - self._distances[-1]) > shot.frames.start:
            shot.window.pop(last, None)

    # --- events of the daemon --------------------------------------------------------------------------
    def _on(self, event: Event) -> None:
        if isinstance(event, SavedItems):
            self._on_saved(event)
            return
        if isinstance(event, p.Status):
            self._workers = worker_count(event.report)
            return
        self._observer.event(event)
        if isinstance(event, p.Notice) and event.job in self._jobs:
            self._observer.note(event.sentence)
        elif isinstance(event, p.Progress) and event.job in self._jobs:
            self.pace.begin()
            self._jobs[event.job].done = event.done
        elif isinstance(event, Finished) and event.job in self._jobs:
            self._on_finished(event)
        elif isinstance(event, p.Cancelled) and event.job in self._jobs:
            raise VelaturaError(
                lazy_text("The frame was cancelled, because a newer restyle of the same frame replaced it.")
            )
        elif isinstance(event, p.Failed):
            self._on_failed(event)

    def _on_finished(self, done: Finished) -> None:
        shot = self._jobs.pop(done.job)
        frame, shot.running, shot.job, shot.refusals = shot.running, None, "", 0
        assert frame is not None
        self._daemon_losses = 0
        self.outcome.weights, self.outcome.device = done.result.weights, done.result.device
        for note in done.result.notes:
            self._observer.note(note)
        self._remember(shot, frame, done.picture)
        self._save(frame.number, done.picture, done)
        self._submit(shot)  # at once, before anything else is done

    def _on_failed(self, event: p.Failed) -> None:
        error = error_from(event.code, event.sentence)
        if isinstance(error, UnknownBlob) and self._put_back_fetched(event.job):
            return
        shot = self._jobs.pop(event.job, None)
        frame = shot.running if shot is not None else None
        if isinstance(error, DaemonLost):
            self._on_daemon_lost(error, has_job=shot is not None)
        elif shot is None or frame is None or isinstance(error, FATAL):
            raise error
        elif isinstance(error, TooBusy) and shot.refusals < MAX_REFUSALS:
            if not self._jobs:  # the daemon is full of other clients' jobs, or of those of other commands
                shot.refusals += 1
            self._submit_after = time.monotonic() + REFUSAL_PAUSE
        else:
            raise frame_error(frame.number, error)
        if shot is not None:
            shot.put_back()

    def _put_back_fetched(self, job: str) -> bool:
        """Restyle the frames whose results were being fetched, since one of these is gone. job: of that result; '' if
        the daemon did not say. Returns whether there are any."""
        fetched = [shot for name, shot in self._jobs.items() if shot.is_fetched and job in ("", name)]
        for shot in fetched:
            del self._jobs[shot.job]
            shot.put_back()
        return bool(fetched)

    def _on_daemon_lost(self, error: DaemonLost, *, has_job: bool) -> None:
        """Reconnect. All jobs fail with this error one after the other; the first one starts the reconnection.

        A daemon that was asked to stop leaves no connection file. Then it is not started again, and `error` is raised.
        """
        if not self._client.dirs.connection_file.exists():
            raise error
        if self._saved_known or not has_job:
            self._daemon_losses += 1
            if self._daemon_losses > MAX_DAEMON_LOSSES:
                raise error
            self._observer.note(
                lazy_text("The connection to the daemon was lost. It is restarted, and its jobs are continued.")
            )
            self._request_saved()

    def _on_saved(self, saved: SavedItems) -> None:
        """Results of earlier runs: remember those that are still needed; drop those whose files are written."""
        self._saved_known = True
        self._saved.clear()
        for item in saved.items:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                note = json.loads(item.note)
                if note["film"] != self._key or Path(note["output"]).parent != real_path(self._work.folder):
                    continue
                number = int(note["frame"])
                if not item.finished:
                    continue  # the daemon continues it when the same job is submitted
                if self._work.is_done(number):
                    self._client.drop(item)  # the last run was killed before it confirmed the delivery
                else:
                    self._saved[number] = item

    # --- writing ---------------------------------------------------------------------------------------
    def _save(self, number: int, picture: Picture, done: Finished | None) -> None:
        self._writing[self._pool.start(partial(self._work.save, number, picture))] = number, done

    def _collect_written(self) -> None:
        for writing in [future for future in self._writing if future.done()]:
            number, done = self._writing.pop(writing)
            self._on_written(number, _result_of(writing), done)

    def _on_written(self, number: int, path: Path, done: Finished | None) -> None:
        if done is not None:
            self._client.acknowledge(done)
        self.pace.made += 1
        self.outcome.made += 1
        self._observer.made(number, path, done.result.seconds if done is not None else 0.0)

    @contextlib.contextmanager
    def _cleanup(self) -> Iterator[None]:
        """However the run ends, wait for the threads, and confirm to the daemon what they have written."""
        try:
            yield
        finally:
            self._waiting.clear()
            self._pool.close()
            for writing, (number, done) in self._writing.items():
                if not writing.cancelled() and writing.exception() is None:
                    self._on_written(number, writing.result(), done)
            self._writing.clear()


def _result_of(future: Future[T]) -> T:
    """The result of a thread. Raises VelaturaError, also for an unexpected error, and KeyboardInterrupt."""
    error = future.exception()
    if error is not None:
        raise as_velatura_error(error) if isinstance(error, Exception) else error
    return future.result()
