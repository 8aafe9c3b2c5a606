"""Jobs in the hands of executors: who gets which, what they say of it, what becomes of it. Knows no sockets and no
torch."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from pathlib import Path
from typing import Any, Protocol

from velatura.errors import DaemonLost, DiskTrouble, PictureTooLarge, TooBusy, VelaturaError, WorkerDied, error_from
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.clock import Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.job import DEATHS_ALLOWED, MOVES_ALLOWED, QUEUED, Job
from velatura_daemon.jobs.validation import check_fits_locally
from velatura_daemon.scheduling.queue import Queue
from velatura_daemon.scheduling.truncate import truncate_to_bytes
from velatura_daemon.scheduling.worker_pool import Assignment, WorkerPool, WorkerSlot
from velatura_daemon.storage.job_store import JobStore
from velatura_daemon.storage.warm_starts import WarmStarts

log = logging.getLogger("velatura.scheduler")

# estimates asked for and not answered: more might fill a worker's pipe while it hangs, and hold us up
QUESTIONS_KEPT = 32
NOBODY = b""  # no session
NO_LAST = "There was no last picture that fits, so this one starts from the content."
NEAR = 10  # places in the queue that are told one by one; beyond, when they have changed by a tenth
ENDINGS = ("stopped", "failed", "done", "gone")  # after which a hand has nothing in hand
HANDS_ROOM = 16 << 10  # bytes of a status, which has to fit a header: some 80 hands

_tickets = itertools.count(1)


class SchedulerCallbacks(Protocol):
    """The foreman, as this module sees it."""

    def tell(self, session: bytes, message: p.Message) -> None: ...

    def fail(self, job: Job, error: VelaturaError) -> None:
        """Out of the queue, and said."""

    def done(self, job: Job, result: p.Result, said: dict[str, Any]) -> None:
        """The same with a result. said: by the one who made it."""


class Scheduler:
    """Deals the queue's jobs to the crew."""

    def __init__(
        self,
        options: DaemonConfig,
        pool: WorkerPool,
        queue: Queue,
        store: JobStore,
        clock: Clock,
        callbacks: SchedulerCallbacks,
    ) -> None:
        self._options, self.pool, self._queue, self._store, self._clock, self._callbacks = (
            options,
            pool,
            queue,
            store,
            clock,
            callbacks,
        )
        self._blobs = store.blobs
        self.last = WarmStarts(store.blobs, store.checkpoints)
        # estimates asked for: session, its own ticket, and whom, by our ticket
        self._questions: dict[str, tuple[bytes, str, WorkerSlot]] = {}
        self._was_at_home = pool.fallback_active
        self._places_changed = False
        self.active_at = clock.now()  # when there last was anything to do

    # --- what the foreman asks for -------------------------------------------------------------------
    def dispatch(self) -> None:
        """Give free hands the next jobs. The others are told their places once for all that comes at once: with
        thousands waiting that is most of the work."""
        self._deal()
        if waiting := self._queue.waiting:
            self._want_hands(waiting)
        self._places_changed = True

    def _tell_places(self) -> None:
        if not self._places_changed:
            return
        self._places_changed = False
        for place, job in enumerate(self._queue.in_order(), max(1, len(self.pool.busy))):
            if _is_news(job.notified_position, place):
                job.notified_position = place
                self._callbacks.tell(job.session, p.Queued(job.id, place))

    def halt(self, job: Job) -> None:
        """Take a job from its hand, for good."""
        if (slot := self._still_at(job)) is not None and slot.assignment is not None:
            slot.assignment.stopping = True
            slot.executor.cancel(slot.assignment.ticket)

    def pause(self, job: Job) -> None:
        """Take a job from its hand; it may be gone on with."""
        if (slot := self._still_at(job)) is not None and slot.assignment is not None:
            slot.assignment.stopping = True
            slot.executor.pause(slot.assignment.ticket)

    def _still_at(self, job: Job) -> WorkerSlot | None:
        slot = self.pool.has(job)
        return slot if slot is not None and slot.assignment is not None and not slot.assignment.stopping else None

    def estimate(self, session: bytes, asked: p.GetEstimate, settings: StyleSettings) -> None:
        """Have a hand, who knows its device, say how long it would take. Raises TooBusy, WorkerDied."""
        if len(self._questions) >= QUESTIONS_KEPT:
            raise TooBusy(f"{QUESTIONS_KEPT} estimates are asked for already. Ask again when some are answered.")
        question, slot = str(next(_tickets)), self.pool.for_estimate()
        try:
            slot.executor.estimate(
                {
                    "ticket": question,
                    "width": asked.width,
                    "height": asked.height,
                    "settings": settings.to_wire(),
                    "weights": self._weights(asked.weights),
                    "device": asked.device,
                }
            )
        except OSError as error:
            raise _no_worker(error) from error
        self._questions[question] = (session, asked.ticket, slot)

    def forget_estimates_of(self, session: bytes) -> None:
        """It has gone: nobody waits for its estimates. They count as long as they lie in a worker's pipe."""
        for ours, (asker, ticket, slot) in self._questions.items():
            if asker == session:
                self._questions[ours] = (NOBODY, ticket, slot)

    def _answer_for(self, gone: WorkerSlot, sentence: str) -> None:
        """What was asked of it."""
        for question, (session, ticket, asked) in list(self._questions.items()):
            if asked is gone:
                del self._questions[question]
                self._callbacks.tell(session, p.Estimate(ticket, -1.0, 0, 0, "", sentence))

    def kill(self) -> None:
        """Nothing of any hand is left when this returns. All at once: one that has to wait for another machine is not
        to keep the others."""
        ends = [threading.Thread(target=slot.executor.kill) for slot in self.pool]
        for end in ends:
            end.start()
        for end in ends:
            end.join()
        for slot in self.pool.busy:
            for path in slot.assignment.paths.values() if slot.assignment is not None else ():
                _remove(path)

    # --- the clock -------------------------------------------------------------------------------------
    def tick(self, now: float) -> None:
        """What the clock brings: an idle hand gives its device back, one that hangs is ended, those who were lost are
        tried again, what is kept ages."""
        while leaving := [(leaves_at, slot) for slot, leaves_at in self._leave_times() if now >= leaves_at]:
            self._send_away(min(leaving, key=lambda one: one[0])[1])  # one by one: for the last another time holds
        for slot, hangs_at in self._hang_times():
            if slot.assignment is not None and now >= hangs_at:
                log.error("a worker has given no sign for %.0f s; it is ended", now - slot.moved_at)
                slot.assignment.hung = True
                slot.executor.end_by_force()
        if self._was_at_home != self.pool.fallback_active:  # others' turn to work: nobody says so
            self._was_at_home = self.pool.fallback_active
            self.dispatch()
        self._tell_places()
        self._store.tidy()

    def _send_away(self, slot: WorkerSlot) -> None:
        log.info("a worker leaves: idle for %.0f s", self._options.worker_seconds)
        slot.executor.leave()
        slot.forget()
        self._answer_for(
            slot, f"The worker gave no answer for {self._options.worker_seconds:.0f} s and was sent away. Ask again."
        )

    def _leave_times(self) -> list[tuple[WorkerSlot, float]]:
        """When idle hands give their devices back. The only one whose turn it is to work stays as long as anything may
        come for it."""
        holding = [slot for slot in self.pool if slot.executor.holds_device]
        idle = [(slot, slot.heard_at) for slot in holding if slot.assignment is None]
        if len(holding) == 1 and holding[0] in self.pool.active:
            idle = [] if self.busy else [(slot, max(heard_at, self.active_at)) for slot, heard_at in idle]
        return [(slot, since + self._options.worker_seconds) for slot, since in idle]

    def _hang_times(self) -> list[tuple[WorkerSlot, float]]:
        """When hands are ended, if they give no sign until then."""
        at_work = [slot for slot in self.pool.busy if slot.assignment is not None and not slot.assignment.hung]
        return [(slot, slot.hangs_at(self._options.hang_seconds)) for slot in at_work]

    @property
    def due(self) -> float | None:
        """Seconds until `tick` has something to do; None: an idle daemon sleeps."""
        moments = [moment for _, moment in [*self._leave_times(), *self._hang_times()]]
        return min(moments) - self._clock.now() if moments else None

    @property
    def busy(self) -> bool:
        """Whether there is anything to do, now or for somebody who may come back."""
        return bool(self.pool.busy) or len(self._queue) > 0

    # --- what may be known -------------------------------------------------------------------------------
    def status(self) -> dict[str, Any]:
        """worker: the hand that a painter with one machine thinks of. workers: all that hold a device or work."""
        slots = list(self.pool)
        first = max(
            slots, key=lambda slot: (slot.assignment is not None, slot.executor.holds_device, slot in self.pool.active)
        )
        told = (_told(slot) for slot in slots if slot.assignment is not None or slot.executor.holds_device)
        return {
            "worker": _told(first),
            "workers": truncate_to_bytes(told, HANDS_ROOM),
            "active_workers": len(self.pool.active),
            "fallback_active": self.pool.fallback_active,
        }

    # --- inside: dealing -----------------------------------------------------------------------------------
    def _deal(self) -> None:
        while (dealt := self._next()) is not None:
            self._start(*dealt)

    def _next(self) -> tuple[Job, WorkerSlot] | None:
        """The first job that a free hand may do, and the best hand for it. One whose layer is still at a hand, which
        was told to stop, waits for that one: it has the layer's last picture, and all that is warm."""
        if not self.pool.free:
            return None
        at_work = {_layer_of(slot.assignment.job) for slot in self.pool.busy if slot.assignment is not None}
        for job in self._queue.in_order():
            if _layer_of(job) not in at_work and (slot := self.pool.best_for(job)) is not None:
                return job, slot
        return None

    def _want_hands(self, waiting: list[Job]) -> None:
        """There are more jobs than hands: whoever can come is called."""
        self.pool.call(len(waiting))
        if not self.pool.busy:
            for job in waiting:
                if not job.notified_waiting:
                    job.notified_waiting = True
                    self._callbacks.tell(
                        job.session,
                        p.Notice(
                            job.id, "No worker is ready yet. One has been called; the restyle begins when it comes."
                        ),
                    )

    def _start(self, job: Job, slot: WorkerSlot) -> None:
        self._queue.begin(job)
        assignment = Assignment(
            job, str(next(_tickets)), {"result": self._blobs.fresh_path(), "last": self._blobs.fresh_path()}
        )
        slot.begin(assignment)
        try:
            if self.pool.fallback_active:
                check_fits_locally(job, self._options)
            slot.executor.work(self._order_for(assignment, slot))
        except Exception as error:  # whatever it is, the hand has not got it
            slot.assignment = None
            self._let_go(assignment)
            self._callbacks.fail(job, error if isinstance(error, VelaturaError) else _no_worker(error))
            return
        job.notified_position = 0
        self._callbacks.tell(job.session, p.Queued(job.id, 0))
        if self.pool.fallback_active and not job.notified_fallback:
            job.notified_fallback = True
            self._callbacks.tell(
                job.session, p.Notice(job.id, f"{self._options.stand_in[:1].upper()}{self._options.stand_in[1:]}.")
            )

    def _order_for(self, assignment: Assignment, slot: WorkerSlot) -> dict[str, Any]:
        """What an executor is told of a job. Raises UnknownBlob where somebody has taken a picture away."""
        job = assignment.job
        own = slot.executor.device
        return {
            "job": assignment.ticket,
            "content": self._on_disk(job.content),
            "mask": self._on_disk(job.mask) if job.mask else None,
            "styles": [self._style_on_disk(s) for s in job.styles],
            "settings": job.settings.to_wire(),
            "weights": self._weights(job.weights),
            "device": "auto" if own.startswith(f"{job.device}:") else job.device,
            "result_path": str(assignment.paths["result"]),
            "last_path": str(assignment.paths["last"]),
            "last": self.last.start_for(job),
            "keep_path": str(self._store.checkpoints.image_path((job.client_id, job.id))),
            "as_it_is": job.as_it_is,
            "layer": f"{job.client_id} {job.layer}",
            "adjust": job.adjust or job.resume,
            "remember": job.is_kept,
        }

    def _weights(self, asked: str) -> str:
        return self._options.weights if asked == "auto" else asked

    def _style_on_disk(self, style: p.StyleShare) -> dict[str, Any]:
        region = self._on_disk(style.region) if style.region else None
        return {**self._on_disk(style.picture), "share": style.share, "region": region}

    def _on_disk(self, picture: PictureRef) -> dict[str, Any]:
        profile = str(self._blobs.blob(picture.profile).path) if picture.profile else ""
        return {"picture": picture.to_wire(), "path": str(self._blobs.blob(picture.blob).path), "profile_path": profile}

    # --- inside: what the hands say --------------------------------------------------------------------------
    def listen(self) -> None:
        """Take in what the hands have said."""
        for slot in self.pool:
            while (said := slot.executor.hear()) is not None:
                self.active_at = self._clock.now()
                say = said.pop("say")
                slot.heard(goes_on=say != "alive")
                try:
                    getattr(self, f"_on_{say}")(slot, said)
                except Exception as error:  # a fault of ours: this job is lost, the daemon is not
                    log.exception("a worker was not understood")
                    self._stumble(slot, error, ended=say in ENDINGS)
        self._tell_places()

    def _stumble(self, slot: WorkerSlot, error: Exception, *, ended: bool) -> None:
        """ended: the hand has nothing in hand any more; else it is told to stop."""
        assignment = slot.assignment
        if assignment is not None and not assignment.stopping and self._is_wanted(assignment.job):
            self._callbacks.fail(
                assignment.job, VelaturaError(f"Velatura stumbled over this job ({type(error).__name__}). See its log.")
            )
        if ended:
            self._free(slot)
        elif assignment is not None and not assignment.stopping:
            assignment.stopping = True
            slot.executor.cancel(assignment.ticket)

    def _at_work(self, slot: WorkerSlot, said: dict[str, Any]) -> Job | None:
        """The job that a hand speaks of, unless it was told to stop it, or speaks of an earlier turn."""
        assignment = slot.assignment
        return (
            assignment.job
            if assignment is not None and assignment.ticket == said["job"] and not assignment.stopping
            else None
        )

    def _is_wanted(self, job: Job) -> bool:
        """Whether it has not ended: not cancelled, replaced or failed, though a hand may still have it."""
        return self._queue.get(job.client_id, job.id) is job

    def _on_here(self, _: WorkerSlot, __: dict[str, Any]) -> None:
        self.dispatch()

    def _on_ready(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        slot.executor.info = {"state": "warm", **said}

    def _on_alive(self, _: WorkerSlot, __: dict[str, Any]) -> None:
        """A sign of life, for `tick`."""

    def _on_estimate(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        """An answer to a question; or, with its turn's ticket, what a job begins with."""
        if said["ticket"] in self._questions:
            session, ticket, _ = self._questions.pop(said["ticket"])
            self._callbacks.tell(session, p.Estimate(**{**said, "ticket": ticket}))
        elif (job := self._at_work(slot, {"job": said["ticket"]})) is not None and slot.assignment is not None:
            slot.assignment.expected = float(said["seconds"])
            self._callbacks.tell(job.session, p.Estimate(**{**said, "ticket": job.id}))

    def _on_kept(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        """The picture in work lies on the disk. One that was stopped meanwhile is kept only where somebody may come
        back for it."""
        assignment = slot.assignment
        if assignment is not None and assignment.ticket == said["job"] and self._is_wanted(assignment.job):
            self._store.work_left(assignment.job, said)

    def _on_progress(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        if (job := self._at_work(slot, said)) is not None:
            self._callbacks.tell(job.session, p.Progress(**{**said, "job": job.id}))

    def _on_notice(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        if (job := self._at_work(slot, said)) is not None:
            self._callbacks.tell(job.session, p.Notice(job.id, said["sentence"]))

    def _on_preview(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        job = self._at_work(slot, said)
        if job is not None and job.preview_due:  # a slow client's are dropped, never queued
            job.preview_due = False
            self._callbacks.tell(job.session, p.Preview(**{**said, "job": job.id}))

    def _on_stopped(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        if (assignment := slot.assignment) is None or said["job"] != assignment.ticket:
            return
        self.last.keep(assignment.job, assignment.paths["last"], said)
        if not assignment.stopping:  # nobody asked for it: once more
            assignment.job.state = QUEUED
        self._free(slot)

    def _on_failed(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        job = self._at_work(slot, said)
        if said.get("detail"):
            log.error("job %s: %s", job.id if job else "(stopped)", said["detail"])
        if job is not None and said["code"] == DaemonLost.code and self.pool.fallback_active:
            self._send_home(job, f"{said['sentence']} This machine does the work meanwhile.")
        elif job is not None:
            others = self._queue.in_order() if said["code"] == DaemonLost.code and self.pool.unreachable else []
            for one in [job, *others]:
                self._callbacks.fail(one, error_from(said["code"], said["sentence"]))
            if said["code"] in ("wrong_hash", "wrong_length"):
                self._blobs.discard(job.blobs)
        if slot.assignment is not None and said["job"] == slot.assignment.ticket:
            self._free(slot)

    def _on_done(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        job, assignment = self._at_work(slot, said), slot.assignment
        if (
            job is None
            and assignment is not None
            and said["job"] == assignment.ticket
            and self._is_wanted(assignment.job)
        ):
            job = assignment.job  # finished while its client fell silent: the result waits for it
        if job is None or assignment is None:  # it was stopped while its last step was made
            self._on_stopped(slot, said)
            return
        picture = PictureRef.from_wire(said["picture"])
        self.last.keep(job, assignment.paths["last"], said)
        try:
            self._blobs.adopt(picture.blob, assignment.paths["result"])
        except DiskTrouble as error:
            self._callbacks.fail(job, error)
            self._free(slot)
            return
        fields = ("left", "top", "weights", "device", "seconds", "content_loss", "style_loss", "started_from")
        mask = job.mask.to_wire() if job.mask is not None and not job.settings.composite else None
        result = p.Result(
            job=job.id,
            layer=job.layer,
            picture=picture.to_wire(),
            settings=job.settings.to_wire(),
            notes=_notes(job, said),
            mask=mask,
            **{name: said[name] for name in fields},
        )
        self._store.finished(job, result, said)
        slot.executor.settle(said["job"])
        self._callbacks.done(job, result, said)
        self._free(slot)

    def _on_gone(self, slot: WorkerSlot, said: dict[str, Any]) -> None:
        """A hand's worker has died: say so, put its job back once, have another."""
        assignment = slot.assignment
        how = (
            "it gave no sign of life any more and was ended"
            if assignment is not None and assignment.hung
            else said["how"]
        )
        log.error("a worker died: %s", how)
        slot.executor.info = {}
        slot.forget()
        self._answer_for(slot, f"The worker died ({how}) before it could say.")
        if assignment is not None and not assignment.stopping:
            self._outlive(assignment.job, how, said.get("sentence", ""), blameless=bool(said.get("blameless")))
        self._free(slot)

    def _outlive(self, job: Job, how: str, sentence: str, *, blameless: bool) -> None:
        """Its worker has died. sentence: what a painter is told of it, '' for what is usual. blameless: the job has not
        brought it down."""
        job.moves += blameless
        job.deaths += not blameless
        if job.deaths > DEATHS_ALLOWED or job.moves > MOVES_ALLOWED:
            twice = (
                f"This restyle has brought down the worker twice ({how}), so it is not tried again. Try a smaller "
                "picture or selection; 'velatura doctor' shows where the log is."
            )
            self._callbacks.fail(job, DaemonLost(sentence) if sentence else WorkerDied(twice))
        elif not sentence:
            self._put_back(job, f"The worker died ({how}); another one goes on with it.")
        elif self.pool.fallback_active:
            self._send_home(job, f"{sentence} This machine goes on with it.")
        else:
            self._put_back(job, f"{sentence} It is tried once more.")

    def _send_home(self, job: Job, sentence: str) -> None:
        try:
            check_fits_locally(job, self._options)
        except PictureTooLarge as error:
            self._callbacks.fail(job, error)
            return
        job.notified_fallback = True
        self._put_back(job, sentence)

    def _put_back(self, job: Job, sentence: str) -> None:
        """Another hand is to do it."""
        job.state = QUEUED
        self._callbacks.tell(job.session, p.Notice(job.id, sentence))

    def _free(self, slot: WorkerSlot) -> None:
        """It has nothing in hand: clear up after it, next please."""
        assignment, slot.assignment = slot.assignment, None
        if assignment is not None:
            self._let_go(assignment)
        self.dispatch()

    def _let_go(self, assignment: Assignment) -> None:
        """Clear up the files that a turn held."""
        for path in assignment.paths.values():
            _remove(path)
        self._store.checkpoints.clear_up((assignment.job.client_id, assignment.job.id))


def _no_worker(error: Exception) -> WorkerDied:
    log.error("no worker could be started", exc_info=error)
    return WorkerDied(f"No worker could be started ({error}). See the daemon's log.")


def _layer_of(job: Job) -> tuple[str, str]:
    return job.client_id, job.layer


def _is_news(told: int, place: int) -> bool:
    """Whether a client wants to know its place. Far back it does not each time: with hundreds waiting that would be
    most of what is said."""
    return told < 0 or (place != told if min(place, told) <= NEAR else abs(place - told) * 10 >= told)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _told(slot: WorkerSlot) -> dict[str, Any]:
    """Of a hand, for a status."""
    return {"pid": slot.executor.pid, "busy": slot.assignment is not None, **slot.executor.info}


def _notes(job: Job, said: dict[str, Any]) -> list[str]:
    notes = list(said["notes"])
    if job.settings.start == "last" and said["started_from"] != "last" and NO_LAST not in notes:
        notes.append(NO_LAST)
    return notes
