"""Who gets what done: jobs, their pictures, the worker, results. Knows no sockets and no torch."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pastiche import protocol as p
from pastiche.errors import (
    BadMessage,
    DaemonLost,
    DiskTrouble,
    PasticheError,
    TooBusy,
    WorkerDied,
    error_from,
)
from pastiche.paths import Places
from pastiche.pixels import LARGEST_SIDE, PictureRef
from pastiche.settings import StyleSettings
from pastiche.transfer import Incoming
from pastiche_daemon.audit import Audit
from pastiche_daemon.blobs import Upload
from pastiche_daemon.clock import Clock
from pastiche_daemon.executors.executor import Executor
from pastiche_daemon.guests import Guests
from pastiche_daemon.jobs import DEATHS_ALLOWED, JOBS_PER_CLIENT, PARKED, QUEUED, RUNNING, WAITING, Job, Queue
from pastiche_daemon.keeping.keeper import Keeper
from pastiche_daemon.keys import Allowance
from pastiche_daemon.options import Options
from pastiche_daemon.requests import job_from

log = logging.getLogger("pastiche")

JOBS_TOLD, NAME_TOLD = 100, 64  # of a status, which has to fit a header: the first jobs, and characters of their names
QUESTIONS_KEPT = 32  # estimates asked for and not answered: more might fill a worker's pipe while it hangs, and hold us up
LAYERS_REMEMBERED = 256  # last images
PROFILE_LIMIT = 4 << 20  # bytes of an ICC profile
NO_LAST = "There was no last picture that fits, so this one starts from the content."
SLOW = 10  # times longer than for a sign of life is waited for one that the work goes on: an evaluation may take minutes
STARTING = 60.0  # seconds at least for a worker's first sign: importing torch takes its time on a busy machine
WORTH_KEEPING = ("out_of_memory", "worker_died", "daemon_lost", "disk", "device_unavailable", "internal")  # failures after which to go on makes sense

_tickets = itertools.count(1)

Tell = Callable[[bytes, p.Message], None]  # session, message


@dataclass
class Arriving:
    """A picture on its way in from one session."""

    incoming: Incoming
    upload: Upload


@dataclass(frozen=True)
class LastImage:
    """Where a layer's optimisation stood: float32 (3, height, width), as numpy saves it, in a blob. likeness: what it fits.
    job: whose. step: how many of its scale's were made."""

    blob: bytes
    likeness: tuple[object, ...]
    job: str
    step: int


class Foreman:
    """Takes orders from sessions and answers them by `tell(session, message)`."""

    def __init__(self, options: Options, places: Places, executor: Executor, tell: Tell, clock: Clock) -> None:
        """Raises DiskTrouble."""
        self._options = options
        self.executor = executor
        self._tell = tell
        self._clock = clock
        self.keeper = Keeper(places, options.spool_megabytes << 20, clock)
        self.blobs = self.keeper.blobs
        self.queue = Queue()
        self.guests = Guests()
        self.audit = Audit(places.state / "audit.log", clock)
        self._arriving: dict[bytes, Arriving] = {}  # by session: one picture at a time
        self._last: OrderedDict[tuple[str, str], LastImage] = OrderedDict()  # by client_id and layer, the latest last
        self._paths: dict[str, Any] = {}  # where the running job's files go
        self._busy: Job | None = None  # the job that the worker has
        self._stopping = False  # the worker was told to stop it, and has not yet
        self._ticket = ""  # of this turn with the worker: job ids are the clients', and a job can have several turns
        self._questions: dict[str, tuple[bytes, str]] = {}  # estimates asked for: session and its own ticket, by ours
        self._silent: set[bytes] = set()  # sessions that are not heard of
        self.active_at = clock.now()
        self._heard_at = self._moved_at = clock.now()  # when the worker last said anything; when its work last went on
        self._expected = 0.0  # seconds that its job is thought to take

    # --- orders ------------------------------------------------------------------------------------
    def submit(self, session: bytes, client_id: str, program: str, asked: p.Restyle, allowance: Allowance | None = None) -> None:
        """Take a restyle in: check it, ask for the pictures that are missing. allowance: of a client on another machine.
        Raises PasticheError."""
        job = job_from(asked, session, client_id, program, self._options.megapixel_limit)
        self._check_room_for(client_id, job.id)
        if (client_id, job.id) in self.keeper.works.shelf:
            raise BadMessage(f"A job {job.id!r} is kept, stopped midway: resume it, or give the new one an id of its own.")
        if allowance is not None:
            self.guests.check(job, allowance, self.queue, self.keeper)
        self._take_in(job)

    def resume(self, session: bytes, client_id: str, whose: str, asked: p.Resume, allowance: Allowance | None = None) -> None:
        """Take up a restyle that was stopped midway, this client's or (where it may) another's. Raises PasticheError."""
        if asked.how not in ("go_on", "as_it_is"):
            raise BadMessage(f"A restyle is resumed to go_on, or as_it_is; {asked.how[:40]!r} is neither.")
        self._check_room_for(client_id, asked.job)
        if (whose, asked.job) in self.keeper.in_hand:
            raise BadMessage("This restyle is being worked on already.")
        if allowance is not None:
            self.guests.check_jobs(client_id, "", allowance, self.queue)
        job = self.keeper.works.take_up((whose, asked.job), session, client_id)
        job.as_it_is = asked.how == "as_it_is"
        self.guests.have_shown(client_id, job.blobs)
        self._take_in(job)

    def _check_room_for(self, client_id: str, job: str) -> None:
        if len(self.queue.of(client_id)) >= JOBS_PER_CLIENT:
            raise TooBusy(f"{JOBS_PER_CLIENT} restyles of this program are waiting already. Cancel some, or wait.")
        if self.queue.get(client_id, job) or (client_id, job) in self.keeper.results.shelf:
            raise BadMessage(f"There is a job {job!r} already; each has an id of its own.")

    def _take_in(self, job: Job) -> None:
        self.blobs.pin(job.blobs)
        job.came = self._clock.now()
        job.missing = {blob for blob in job.blobs if blob not in self.blobs or not self.guests.may_use(job, blob)}
        for old in self.queue.add(job):
            self._halt(old)
            self._forget(old)
            self.keeper.ended(old)
            self.audit.ended(old, "replaced")
            self._tell(old.session, p.Cancelled(old.id, replaced_by=job.id))
        self.keeper.taken_in(job)
        log.info("job %s: %d × %d, %d style(s), %s, %d picture(s) to come", job.id, job.content.width, job.content.height,
                 len(job.styles), job.settings.quality, len(job.missing))  # fmt: skip
        self._ask_next(job.session)
        self._admit(job)

    def put(self, session: bytes, put: p.Put) -> None:
        """A piece of a picture. One that nobody asked for is dropped."""
        arriving = self._arriving.get(session)
        if arriving is None or arriving.incoming.ticket != put.ticket:
            return
        blob = arriving.incoming.blob  # whatever the piece calls itself
        try:
            credit = arriving.incoming.take(put)
            if arriving.incoming.finished:
                self.blobs.finish(blob, arriving.upload)
        except PasticheError as error:
            self._abandon(session)
            self._fail_those_missing(blob, session, error)
            self._ask_next(session)
            return
        if credit is not None:
            self._tell(session, credit)
        if arriving.incoming.finished:
            del self._arriving[session]
            whose = next((job.client_id for job in self.queue if job.session == session and blob in job.missing), "")
            self.guests.have_shown(whose, [blob])
            for job in self.queue:
                if self.guests.may_use(job, blob):
                    job.missing.discard(blob)
                    self._admit(job)
            for other, theirs in list(self._arriving.items()):
                if theirs.incoming.blob == blob and not self._waits_for(other, blob):
                    self._abandon(other)  # another client was sending the same picture
                    self._ask_next(other)
            self._ask_next(session)

    def cancel(self, client_id: str, name: str) -> None:
        """Answered at once; the work stops within one evaluation."""
        job = self.queue.get(client_id, name)
        if job is None:
            return
        self._drop(job)
        self.keeper.ended(job)
        self.audit.ended(job, "cancelled")
        self._tell(job.session, p.Cancelled(job.id))
        log.info("job %s: cancelled", job.id)

    def seen(self, client_id: str, name: str) -> None:
        """The client has shown a preview: another may follow."""
        job = self.queue.get(client_id, name)
        if job is not None:
            job.preview_due = True

    def estimate(self, session: bytes, asked: p.AskEstimate) -> None:
        """Have the worker, who knows the device, say how long it would take. Raises PasticheError."""
        settings = StyleSettings.from_wire(asked.settings)
        if not (0 < asked.width <= LARGEST_SIDE and 0 < asked.height <= LARGEST_SIDE):
            raise BadMessage(f"A picture of {asked.width} × {asked.height} pixels is beyond the protocol.")
        if len(self._questions) >= QUESTIONS_KEPT:
            raise TooBusy(f"{QUESTIONS_KEPT} estimates are asked for already. Ask again when some are answered.")
        question = str(next(_tickets))
        self._questions[question] = (session, asked.ticket)
        self.executor.estimate({
            "ticket": question, "width": asked.width, "height": asked.height, "settings": settings.to_wire(),
            "weights": self._weights(asked.weights), "device": asked.device,
        })  # fmt: skip

    def forget(self) -> None:
        """Wipe pictures, results, restyles stopped midway, last images, the history; what is in work goes on."""
        self._last.clear()
        self.keeper.forget()

    # --- clients that fall silent --------------------------------------------------------------------
    def park(self, session: bytes) -> None:
        """A silent client's jobs give the device back and wait for it."""
        self._silent.add(session)
        for job in self.queue:
            if job.session == session and job.state in (QUEUED, RUNNING):
                self._pause(job)
                job.state, job.resume, job.paused = PARKED, True, True
                log.info("job %s: parked, its client is silent", job.id)

    def unpark(self, session: bytes) -> None:
        """The client speaks again: its jobs go on from where they were."""
        self._silent.discard(session)
        for job in self.queue:
            if job.session == session and job.state == PARKED:
                job.state = QUEUED
                log.info("job %s: its client is back", job.id)
        self.turn()

    def end_session(self, session: bytes) -> None:
        """The client has said goodbye: its jobs go too; finished results stay for its client_id."""
        for job in self._leave(session):
            self.keeper.ended(job)
            self.audit.ended(job, "dropped")
            log.info("job %s: dropped, its client has gone", job.id)

    def lose_session(self, session: bytes) -> None:
        """The client has gone without a word: what its jobs left is kept, to be gone on with."""
        for job in self.queue:
            if job.session == session:
                self._pause(job)
        for job in self._leave(session):
            self.keeper.stopped(job)
            self.audit.ended(job, "vanished")
            log.info("job %s: stopped, its client has vanished", job.id)

    def _leave(self, session: bytes) -> list[Job]:
        """Take a session's jobs out. Returns them."""
        self._silent.discard(session)
        self._questions = {ours: asked for ours, asked in self._questions.items() if asked[0] != session}
        self._abandon(session)
        gone = [job for job in self.queue if job.session == session]
        for job in gone:
            self._drop(job)
        return gone

    # --- the worker ----------------------------------------------------------------------------------
    def listen(self) -> None:
        """Take in what the worker has said."""
        while (said := self.executor.hear()) is not None:
            self.active_at = self._heard_at = self._clock.now()
            if said["say"] != "alive":
                self._moved_at = self._heard_at
            try:
                getattr(self, f"_on_{said.pop('say')}")(said)
            except Exception as error:  # a fault of ours: this job is lost, the daemon is not
                log.exception("the worker was not understood")
                if self._busy is not None:
                    self._fail(
                        self._busy,
                        PasticheError(f"Pastiche stumbled over this job ({type(error).__name__}). See its log."),
                    )
                self._free()

    def turn(self) -> None:
        """Give the worker the next job, if it has none; tell the others their places."""
        while self._busy is None:
            job = self.queue.next()
            if job is None:
                break
            self._start(job)
        running = 1 if self._busy else 0
        for place, job in enumerate(self.queue.in_order()):
            if job.place_told != place + running:
                job.place_told = place + running
                self._tell(job.session, p.Queued(job.id, place + running))

    def tick(self, now: float) -> None:
        """What the clock brings: an idle worker gives the device back, one that hangs is ended, what is kept ages."""
        if self.executor.pid and not self.busy and now - self.active_at >= self._options.worker_seconds:
            log.info("the worker leaves: idle for %.0f s", self._options.worker_seconds)
            self.executor.leave()
        if self._busy is not None and not self._busy.hung and now >= self._hangs_at:
            log.error("the worker has given no sign for %.0f s; it is ended", now - self._moved_at)
            self._busy.hung = True
            self.executor.end_by_force()
        self.keeper.tidy()

    @property
    def _hangs_at(self) -> float:
        """When a worker that says nothing more is taken for hung."""
        patience = self._options.hang_seconds
        if self.executor.info.get("state") == "starting":
            patience = max(patience, STARTING)
        return min(self._heard_at + patience, self._moved_at + max(SLOW * patience, 3 * self._expected))

    @property
    def due(self) -> float | None:
        """Seconds until `tick` has something to do; None: an idle daemon sleeps."""
        now = self._clock.now()
        if self._busy is not None:
            return self._hangs_at - now
        if self.executor.pid and not self.busy:
            return self._options.worker_seconds - (now - self.active_at)
        return None

    @property
    def busy(self) -> bool:
        """Whether there is anything to do, now or for somebody who may come back."""
        return self._busy is not None or len(self.queue) > 0

    def status_for(self, client_id: str) -> dict[str, Any]:
        """What a client on another machine may know: of itself, and what the work is done with."""
        shown = ("state", "device", "weights")
        return {
            "worker": {"busy": self._busy is not None, **{name: value for name, value in self.executor.info.items() if name in shown}},
            "jobs": [{"job": job.id, "state": job.state, "layer": job.layer} for job in self.queue.of(client_id)],
            "queued": len([job for job in self.queue.in_order() if job.client_id == client_id]),
            "results_kept": len(self.keeper.results.of(client_id)),
        }

    def status(self) -> dict[str, Any]:
        """What docs/protocol.md promises of jobs, worker and pictures."""
        return {
            "worker": {"pid": self.executor.pid, "busy": self._busy is not None, **self.executor.info},
            "jobs": [{"job": job.id[:NAME_TOLD], "state": job.state, "layer": job.layer[:NAME_TOLD]}
                     for job in itertools.islice(self.queue, JOBS_TOLD)],
            "queued": len(self.queue.in_order()),
            "results_kept": len(self.keeper.results),
            "stopped_midway": len([key for key in self.keeper.works.shelf if key not in self.keeper.in_hand]),
            "pictures": len(self.blobs),
            "spool_bytes": self.blobs.bytes_held,
            "last_images": len(self._last),
        }

    # --- inside: pictures on their way -------------------------------------------------------------------
    def _ask_next(self, session: bytes) -> None:
        """Ask a session for the next picture that one of its jobs lacks."""
        if session in self._arriving:
            return
        for job in self.queue:
            if job.session != session or not job.missing:
                continue
            blob = min(job.missing)
            size = next((picture.length for picture in job.pictures if picture.blob == blob), None)
            try:
                upload = self.keeper.begin_upload(size or PROFILE_LIMIT)
            except PasticheError as error:
                self._fail(job, error)
                continue
            incoming = Incoming(blob, upload.write, size, PROFILE_LIMIT)
            self._arriving[session] = Arriving(incoming, upload)
            self._tell(session, incoming.first_get())
            return

    def _admit(self, job: Job) -> None:
        """Into the queue, once all its pictures are here."""
        if job.state == WAITING and not job.missing:
            job.state = PARKED if job.session in self._silent else QUEUED
            self._tell(job.session, p.Accepted(job.id))
            self.turn()

    def _waits_for(self, session: bytes, blob: bytes) -> bool:
        return any(job.session == session and blob in job.missing for job in self.queue)

    def _abandon(self, session: bytes) -> None:
        arriving = self._arriving.pop(session, None)
        if arriving is not None:
            self.blobs.abandon(arriving.upload)

    def _fail_those_missing(self, blob: bytes, session: bytes, error: PasticheError) -> None:
        for job in self.queue:
            if job.session == session and blob in job.missing:
                self._fail(job, error)

    # --- inside: a job and the worker --------------------------------------------------------------------
    def _start(self, job: Job) -> None:
        self._busy, self._stopping, self._ticket = job, False, str(next(_tickets))
        job.hung, self._expected = False, 0.0
        self._heard_at = self._moved_at = self._clock.now()
        self._paths = {"result": self.blobs.fresh_path(), "last": self.blobs.fresh_path()}
        try:
            self.executor.work(self._order_for(job))
        except (OSError, PasticheError) as error:
            self._busy = None
            no_worker = WorkerDied(f"No worker could be started ({error}). See the daemon's log.")
            self._fail(job, error if isinstance(error, PasticheError) else no_worker)
            return
        self._tell(job.session, p.Queued(job.id, 0))

    def _order_for(self, job: Job) -> dict[str, Any]:
        """What an executor is told of a job. Raises UnknownBlob where somebody has taken a picture away."""
        return {
            "job": self._ticket, "content": self._on_disk(job.content), "mask": self._on_disk(job.mask) if job.mask else None,
            "styles": [self._style_on_disk(s) for s in job.styles], "settings": job.settings.to_wire(),
            "weights": self._weights(job.weights), "device": job.device,
            "result_path": str(self._paths["result"]), "last_path": str(self._paths["last"]), "last": self._last_for(job),
            "keep_path": str(self.keeper.works.image_path((job.client_id, job.id))), "as_it_is": job.as_it_is,
            "layer": f"{job.client_id} {job.layer}", "adjust": job.adjust or job.resume, "remember": job.asked.remember,
        }  # fmt: skip

    def _weights(self, asked: str) -> str:
        return self._options.weights if asked == "auto" else asked

    def _style_on_disk(self, style: p.StyleShare) -> dict[str, Any]:
        region = self._on_disk(style.region) if style.region else None
        return {**self._on_disk(style.picture), "share": style.share, "region": region}

    def _on_disk(self, picture: PictureRef) -> dict[str, Any]:
        profile = str(self.blobs.blob(picture.profile).path) if picture.profile else ""
        return {"picture": picture.to_wire(), "path": str(self.blobs.blob(picture.blob).path), "profile_path": profile}

    def _last_for(self, job: Job) -> dict[str, Any] | None:
        """The picture to go on from: this restyle's own as far as it got, or the layer's last one, where it is wanted and still fits."""
        last, paused = self._last.get((job.client_id, job.layer)), job.paused
        job.paused = False
        stood = self.keeper.works.standing((job.client_id, job.id)) if job.resume or job.deaths else None
        if stood is not None and not (paused and last is not None and last.job == job.id):
            return {"path": str(stood.path), "step": stood.step, "check": job.resume}
        moved = job.adjust and job.settings.start != "noise"  # white noise is what was asked for, also by `paper`
        wanted = moved or job.resume or job.settings.start == "last"
        if not wanted or last is None or last.likeness != job.likeness or last.blob not in self.blobs:
            return None
        return {"path": str(self.blobs.blob(last.blob).path), "step": last.step if paused else 0, "check": False}

    def _halt(self, job: Job) -> None:
        """Take a job from the worker, for good."""
        if self._busy is job and not self._stopping:
            self._stopping = True
            self.executor.cancel(self._ticket)

    def _pause(self, job: Job) -> None:
        """Take a job from the worker; it may be gone on with."""
        if self._busy is job and not self._stopping:
            self._stopping = True
            self.executor.pause(self._ticket)

    def _drop(self, job: Job) -> None:
        """Out of the queue, and of the worker's hands."""
        self._halt(job)
        self._forget(job)
        self.turn()

    def _forget(self, job: Job) -> None:
        self.queue.remove(job)
        self.blobs.unpin(job.blobs)
        arriving = self._arriving.get(job.session)
        if arriving is not None and not self._waits_for(job.session, arriving.incoming.blob):
            self._abandon(job.session)  # nobody waits for this picture any more
            self._ask_next(job.session)

    def _fail(self, job: Job, error: PasticheError) -> None:
        log.warning("job %s: failed (%s): %s", job.id, error.code, error.sentence)
        self._forget(job)
        if error.code in WORTH_KEEPING:
            self.keeper.stopped(job)
        else:
            self.keeper.ended(job)
        self.audit.ended(job, error.code)
        self._tell(job.session, p.Failed(job.id, error.code, error.sentence))

    def _at_work(self, said: dict[str, Any]) -> Job | None:
        """The job that the worker speaks of, unless it was told to stop it or speaks of an earlier turn."""
        return None if self._stopping or said["job"] != self._ticket else self._busy

    # --- inside: what the worker says --------------------------------------------------------------------
    def _on_ready(self, said: dict[str, Any]) -> None:
        self.executor.info = {"state": "warm", **said}

    def _on_estimate(self, said: dict[str, Any]) -> None:
        """An answer to a question; or, with its turn's ticket, what a job begins with."""
        session, ticket = self._questions.pop(said["ticket"], (b"", ""))
        job = self._busy if said["ticket"] == self._ticket and not self._stopping else None
        if job is not None:
            session, ticket = job.session, job.id
        if job is not None:
            self._expected = float(said["seconds"])
        if session:
            self._tell(session, p.Estimate(**{**said, "ticket": ticket}))

    def _on_alive(self, _: dict[str, Any]) -> None:
        """A sign of life, for `tick`."""

    def _on_kept(self, said: dict[str, Any]) -> None:
        """The picture in work lies on the disk. One that was stopped meanwhile is kept only where somebody may come back for it."""
        job = self._busy if said["job"] == self._ticket else None
        if job is not None and self.queue.get(job.client_id, job.id) is job:
            self.keeper.work_left(job, said)

    def _on_progress(self, said: dict[str, Any]) -> None:
        job = self._at_work(said)
        if job is not None:
            self._tell(job.session, p.Progress(**{**said, "job": job.id}))

    def _on_notice(self, said: dict[str, Any]) -> None:
        job = self._at_work(said)
        if job is not None:
            self._tell(job.session, p.Notice(job.id, said["sentence"]))

    def _on_preview(self, said: dict[str, Any]) -> None:
        job = self._at_work(said)
        if job is not None and job.preview_due:  # a slow client's are dropped, never queued
            job.preview_due = False
            self._tell(job.session, p.Preview(**{**said, "job": job.id}))

    def _on_stopped(self, said: dict[str, Any]) -> None:
        if said["job"] != self._ticket or self._busy is None:
            return
        self._keep_last(self._busy, said)
        if not self._stopping:  # nobody asked for it: once more
            self._busy.state = QUEUED
        self._free()

    def _on_failed(self, said: dict[str, Any]) -> None:
        job = self._at_work(said)
        if said.get("detail"):
            log.error("job %s: %s", job.id if job else "(stopped)", said["detail"])
        if job is not None:
            self._fail(job, error_from(said["code"], said["sentence"]))
            if said["code"] in ("wrong_hash", "wrong_length"):
                self.blobs.discard(job.blobs)
        if said["job"] == self._ticket:
            self._free()

    def _on_done(self, said: dict[str, Any]) -> None:
        job = self._at_work(said)
        if job is None and self._busy is not None and self._busy.state == PARKED and said["job"] == self._ticket:
            job = self._busy  # finished while its client fell silent: the result waits for it
        if job is None:  # it was stopped while its last step was made
            self._on_stopped(said)
            return
        picture = PictureRef.from_wire(said["picture"])
        self._keep_last(job, said)
        try:
            self.blobs.adopt(picture.blob, self._paths["result"])
        except DiskTrouble as error:
            self._fail(job, error)
            self._free()
            return
        fields = ("left", "top", "weights", "device", "seconds", "content_loss", "style_loss", "started_from")
        mask = job.mask.to_wire() if job.mask is not None and not job.settings.composite else None
        result = p.Result(job=job.id, layer=job.layer, picture=picture.to_wire(), settings=job.settings.to_wire(),
                          notes=_notes(job, said), mask=mask, **{name: said[name] for name in fields})  # fmt: skip
        self.keeper.finished(job, result, said)
        self.executor.settle(said["job"])
        self._forget(job)
        self.audit.ended(job, "done")
        log.info("job %s: done in %.1f s with %s on %s", job.id, said["seconds"], said["weights"], said["device"])
        self._tell(job.session, result)
        self._free()

    def _on_gone(self, said: dict[str, Any]) -> None:
        """The worker has died: say so, put the job back once, have another."""
        job = None if self._stopping else self._busy
        how = "it gave no sign of life any more and was ended" if self._busy is not None and self._busy.hung else said["how"]
        log.error("the worker died: %s", how)
        self.executor.info = {}
        for session, ticket in self._questions.values():
            self._tell(session, p.Estimate(ticket, -1.0, 0, 0, "", f"The worker died ({how}) before it could say."))
        self._questions.clear()
        if job is not None:
            job.deaths += 1
            if job.deaths > DEATHS_ALLOWED:
                self._fail(job, DaemonLost(said["sentence"]) if "sentence" in said else WorkerDied(
                    f"This restyle has brought down the worker twice ({how}), so it is not tried again. Try a smaller "
                    "picture or selection; 'pastiche doctor' shows where the log is."
                ))  # fmt: skip
            else:
                job.state = QUEUED
                trouble = f"The worker died ({how}); another one goes on with it."
                if "sentence" in said:
                    trouble = f"{said['sentence']} It is tried once more."
                self._tell(job.session, p.Notice(job.id, trouble))
        self._free()

    def _keep_last(self, job: Job, said: dict[str, Any]) -> None:
        last = said.get("last")
        if not last:
            return
        try:
            self.blobs.adopt(last["blob"], self._paths["last"])
        except DiskTrouble as error:
            log.warning("the last picture of job %s is not kept: %s", job.id, error.sentence)
            return
        self._last[job.client_id, job.layer] = LastImage(last["blob"], job.likeness, job.id, last["step"])
        self._last.move_to_end((job.client_id, job.layer))
        while len(self._last) > LAYERS_REMEMBERED:
            self._last.popitem(last=False)

    def _free(self) -> None:
        """The worker has nothing in hand: clear up after it, next please."""
        for path in self._paths.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if self._busy is not None:
            self.keeper.works.clear_up((self._busy.client_id, self._busy.id))
        self._busy, self._stopping, self._ticket, self._paths = None, False, "", {}
        self.turn()


def _notes(job: Job, said: dict[str, Any]) -> list[str]:
    notes = list(said["notes"])
    if job.settings.start == "last" and said["started_from"] != "last" and NO_LAST not in notes:
        notes.append(NO_LAST)
    return notes
