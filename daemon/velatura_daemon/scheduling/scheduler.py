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
from velatura_daemon.config import Options
from velatura_daemon.jobs.job import DEATHS_ALLOWED, MOVES_ALLOWED, QUEUED, Job
from velatura_daemon.jobs.validation import refuse_too_large_here
from velatura_daemon.scheduling.queue import Queue
from velatura_daemon.scheduling.truncate import fitting
from velatura_daemon.scheduling.worker_pool import Crew, Hand, Turn
from velatura_daemon.storage.job_store import Keeper
from velatura_daemon.storage.warm_starts import LastImages

log = logging.getLogger("velatura.scheduler")

# estimates asked for and not answered: more might fill a worker's pipe while it hangs, and hold us up
QUESTIONS_KEPT = 32
NOBODY = b""  # no session
NO_LAST = "There was no last picture that fits, so this one starts from the content."
NEAR = 10  # places in the queue that are told one by one; beyond, when they have changed by a tenth
ENDINGS = ("stopped", "failed", "done", "gone")  # after which a hand has nothing in hand
HANDS_ROOM = 16 << 10  # bytes of a status, which has to fit a header: some 80 hands

_tickets = itertools.count(1)


class Office(Protocol):
    """The foreman, as this module sees it."""

    def tell(self, session: bytes, message: p.Message) -> None: ...

    def fail(self, job: Job, error: VelaturaError) -> None:
        """Out of the queue, and said."""

    def done(self, job: Job, result: p.Result, said: dict[str, Any]) -> None:
        """The same with a result. said: by the one who made it."""


class Workshop:
    """Deals the queue's jobs to the crew."""

    def __init__(
        self, options: Options, crew: Crew, queue: Queue, keeper: Keeper, clock: Clock, office: Office
    ) -> None:
        self._options, self.crew, self._queue, self._keeper, self._clock, self._office = (
            options,
            crew,
            queue,
            keeper,
            clock,
            office,
        )
        self._blobs = keeper.blobs
        self.last = LastImages(keeper.blobs, keeper.works)
        # estimates asked for: session, its own ticket, and whom, by our ticket
        self._questions: dict[str, tuple[bytes, str, Hand]] = {}
        self._was_at_home = crew.at_home_for_now
        self._places_changed = False
        self.active_at = clock.now()  # when there last was anything to do

    # --- what the foreman asks for -------------------------------------------------------------------
    def turn(self) -> None:
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
        for place, job in enumerate(self._queue.in_order(), max(1, len(self.crew.busy))):
            if _is_news(job.place_told, place):
                job.place_told = place
                self._office.tell(job.session, p.Queued(job.id, place))

    def halt(self, job: Job) -> None:
        """Take a job from its hand, for good."""
        if (hand := self._still_at(job)) is not None and hand.turn is not None:
            hand.turn.stopping = True
            hand.executor.cancel(hand.turn.ticket)

    def pause(self, job: Job) -> None:
        """Take a job from its hand; it may be gone on with."""
        if (hand := self._still_at(job)) is not None and hand.turn is not None:
            hand.turn.stopping = True
            hand.executor.pause(hand.turn.ticket)

    def _still_at(self, job: Job) -> Hand | None:
        hand = self.crew.has(job)
        return hand if hand is not None and hand.turn is not None and not hand.turn.stopping else None

    def estimate(self, session: bytes, asked: p.AskEstimate, settings: StyleSettings) -> None:
        """Have a hand, who knows its device, say how long it would take. Raises TooBusy, WorkerDied."""
        if len(self._questions) >= QUESTIONS_KEPT:
            raise TooBusy(f"{QUESTIONS_KEPT} estimates are asked for already. Ask again when some are answered.")
        question, hand = str(next(_tickets)), self.crew.for_questions()
        try:
            hand.executor.estimate(
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
        self._questions[question] = (session, asked.ticket, hand)

    def ask_no_more_for(self, session: bytes) -> None:
        """It has gone: nobody waits for its estimates. They count as long as they lie in a worker's pipe."""
        for ours, (asker, ticket, hand) in self._questions.items():
            if asker == session:
                self._questions[ours] = (NOBODY, ticket, hand)

    def _answer_for(self, gone: Hand, sentence: str) -> None:
        """What was asked of it."""
        for question, (session, ticket, asked) in list(self._questions.items()):
            if asked is gone:
                del self._questions[question]
                self._office.tell(session, p.Estimate(ticket, -1.0, 0, 0, "", sentence))

    def kill(self) -> None:
        """Nothing of any hand is left when this returns. All at once: one that has to wait for another machine is not
        to keep the others."""
        ends = [threading.Thread(target=hand.executor.kill) for hand in self.crew]
        for end in ends:
            end.start()
        for end in ends:
            end.join()
        for hand in self.crew.busy:
            for path in hand.turn.paths.values() if hand.turn is not None else ():
                _remove(path)

    # --- the clock -------------------------------------------------------------------------------------
    def tick(self, now: float) -> None:
        """What the clock brings: an idle hand gives its device back, one that hangs is ended, those who were lost are
        tried again, what is kept ages."""
        while leaving := [(leaves_at, hand) for hand, leaves_at in self._leave_times() if now >= leaves_at]:
            self._send_away(min(leaving, key=lambda one: one[0])[1])  # one by one: for the last another time holds
        for hand, hangs_at in self._hang_times():
            if hand.turn is not None and now >= hangs_at:
                log.error("a worker has given no sign for %.0f s; it is ended", now - hand.moved_at)
                hand.turn.hung = True
                hand.executor.end_by_force()
        if self._was_at_home != self.crew.at_home_for_now:  # others' turn to work: nobody says so
            self._was_at_home = self.crew.at_home_for_now
            self.turn()
        self._tell_places()
        self._keeper.tidy()

    def _send_away(self, hand: Hand) -> None:
        log.info("a worker leaves: idle for %.0f s", self._options.worker_seconds)
        hand.executor.leave()
        hand.forget()
        self._answer_for(
            hand, f"The worker gave no answer for {self._options.worker_seconds:.0f} s and was sent away. Ask again."
        )

    def _leave_times(self) -> list[tuple[Hand, float]]:
        """When idle hands give their devices back. The only one whose turn it is to work stays as long as anything may
        come for it."""
        holding = [hand for hand in self.crew if hand.executor.holds_device]
        idle = [(hand, hand.heard_at) for hand in holding if hand.turn is None]
        if len(holding) == 1 and holding[0] in self.crew.on_duty:
            idle = [] if self.busy else [(hand, max(heard_at, self.active_at)) for hand, heard_at in idle]
        return [(hand, since + self._options.worker_seconds) for hand, since in idle]

    def _hang_times(self) -> list[tuple[Hand, float]]:
        """When hands are ended, if they give no sign until then."""
        at_work = [hand for hand in self.crew.busy if hand.turn is not None and not hand.turn.hung]
        return [(hand, hand.hangs_at(self._options.hang_seconds)) for hand in at_work]

    @property
    def due(self) -> float | None:
        """Seconds until `tick` has something to do; None: an idle daemon sleeps."""
        moments = [moment for _, moment in [*self._leave_times(), *self._hang_times()]]
        return min(moments) - self._clock.now() if moments else None

    @property
    def busy(self) -> bool:
        """Whether there is anything to do, now or for somebody who may come back."""
        return bool(self.crew.busy) or len(self._queue) > 0

    # --- what may be known -------------------------------------------------------------------------------
    def status(self) -> dict[str, Any]:
        """worker: the hand that a painter with one machine thinks of. workers: all that hold a device or work."""
        hands = list(self.crew)
        first = max(
            hands, key=lambda hand: (hand.turn is not None, hand.executor.holds_device, hand in self.crew.on_duty)
        )
        told = (_told(hand) for hand in hands if hand.turn is not None or hand.executor.holds_device)
        return {
            "worker": _told(first),
            "workers": fitting(told, HANDS_ROOM),
            "hands": len(self.crew.on_duty),
            "at_home_for_now": self.crew.at_home_for_now,
        }

    # --- inside: dealing -----------------------------------------------------------------------------------
    def _deal(self) -> None:
        while (dealt := self._next()) is not None:
            self._start(*dealt)

    def _next(self) -> tuple[Job, Hand] | None:
        """The first job that a free hand may do, and the best hand for it. One whose layer is still at a hand, which
        was told to stop, waits for that one: it has the layer's last picture, and all that is warm."""
        if not self.crew.free:
            return None
        at_work = {_layer_of(hand.turn.job) for hand in self.crew.busy if hand.turn is not None}
        for job in self._queue.in_order():
            if _layer_of(job) not in at_work and (hand := self.crew.best_for(job)) is not None:
                return job, hand
        return None

    def _want_hands(self, waiting: list[Job]) -> None:
        """There are more jobs than hands: whoever can come is called."""
        self.crew.call(len(waiting))
        if not self.crew.busy:
            for job in waiting:
                if not job.told_to_wait:
                    job.told_to_wait = True
                    self._office.tell(
                        job.session,
                        p.Notice(
                            job.id, "No worker is ready yet. One has been called; the restyle begins when it comes."
                        ),
                    )

    def _start(self, job: Job, hand: Hand) -> None:
        self._queue.begin(job)
        turn = Turn(job, str(next(_tickets)), {"result": self._blobs.fresh_path(), "last": self._blobs.fresh_path()})
        hand.begin(turn)
        try:
            if self.crew.at_home_for_now:
                refuse_too_large_here(job, self._options)
            hand.executor.work(self._order_for(turn, hand))
        except Exception as error:  # whatever it is, the hand has not got it
            hand.turn = None
            self._let_go(turn)
            self._office.fail(job, error if isinstance(error, VelaturaError) else _no_worker(error))
            return
        job.place_told = 0
        self._office.tell(job.session, p.Queued(job.id, 0))
        if self.crew.at_home_for_now and not job.told_at_home:
            job.told_at_home = True
            self._office.tell(
                job.session, p.Notice(job.id, f"{self._options.stand_in[:1].upper()}{self._options.stand_in[1:]}.")
            )

    def _order_for(self, turn: Turn, hand: Hand) -> dict[str, Any]:
        """What an executor is told of a job. Raises UnknownBlob where somebody has taken a picture away."""
        job = turn.job
        own = hand.executor.device
        return {
            "job": turn.ticket,
            "content": self._on_disk(job.content),
            "mask": self._on_disk(job.mask) if job.mask else None,
            "styles": [self._style_on_disk(s) for s in job.styles],
            "settings": job.settings.to_wire(),
            "weights": self._weights(job.weights),
            "device": "auto" if own.startswith(f"{job.device}:") else job.device,
            "result_path": str(turn.paths["result"]),
            "last_path": str(turn.paths["last"]),
            "last": self.last.start_for(job),
            "keep_path": str(self._keeper.works.image_path((job.client_id, job.id))),
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
        for hand in self.crew:
            while (said := hand.executor.hear()) is not None:
                self.active_at = self._clock.now()
                say = said.pop("say")
                hand.heard(goes_on=say != "alive")
                try:
                    getattr(self, f"_on_{say}")(hand, said)
                except Exception as error:  # a fault of ours: this job is lost, the daemon is not
                    log.exception("a worker was not understood")
                    self._stumble(hand, error, ended=say in ENDINGS)
        self._tell_places()

    def _stumble(self, hand: Hand, error: Exception, *, ended: bool) -> None:
        """ended: the hand has nothing in hand any more; else it is told to stop."""
        turn = hand.turn
        if turn is not None and not turn.stopping and self._is_wanted(turn.job):
            self._office.fail(
                turn.job, VelaturaError(f"Velatura stumbled over this job ({type(error).__name__}). See its log.")
            )
        if ended:
            self._free(hand)
        elif turn is not None and not turn.stopping:
            turn.stopping = True
            hand.executor.cancel(turn.ticket)

    def _at_work(self, hand: Hand, said: dict[str, Any]) -> Job | None:
        """The job that a hand speaks of, unless it was told to stop it, or speaks of an earlier turn."""
        turn = hand.turn
        return turn.job if turn is not None and turn.ticket == said["job"] and not turn.stopping else None

    def _is_wanted(self, job: Job) -> bool:
        """Whether it has not ended: not cancelled, replaced or failed, though a hand may still have it."""
        return self._queue.get(job.client_id, job.id) is job

    def _on_here(self, _: Hand, __: dict[str, Any]) -> None:
        self.turn()

    def _on_ready(self, hand: Hand, said: dict[str, Any]) -> None:
        hand.executor.info = {"state": "warm", **said}

    def _on_alive(self, _: Hand, __: dict[str, Any]) -> None:
        """A sign of life, for `tick`."""

    def _on_estimate(self, hand: Hand, said: dict[str, Any]) -> None:
        """An answer to a question; or, with its turn's ticket, what a job begins with."""
        if said["ticket"] in self._questions:
            session, ticket, _ = self._questions.pop(said["ticket"])
            self._office.tell(session, p.Estimate(**{**said, "ticket": ticket}))
        elif (job := self._at_work(hand, {"job": said["ticket"]})) is not None and hand.turn is not None:
            hand.turn.expected = float(said["seconds"])
            self._office.tell(job.session, p.Estimate(**{**said, "ticket": job.id}))

    def _on_kept(self, hand: Hand, said: dict[str, Any]) -> None:
        """The picture in work lies on the disk. One that was stopped meanwhile is kept only where somebody may come
        back for it."""
        turn = hand.turn
        if turn is not None and turn.ticket == said["job"] and self._is_wanted(turn.job):
            self._keeper.work_left(turn.job, said)

    def _on_progress(self, hand: Hand, said: dict[str, Any]) -> None:
        if (job := self._at_work(hand, said)) is not None:
            self._office.tell(job.session, p.Progress(**{**said, "job": job.id}))

    def _on_notice(self, hand: Hand, said: dict[str, Any]) -> None:
        if (job := self._at_work(hand, said)) is not None:
            self._office.tell(job.session, p.Notice(job.id, said["sentence"]))

    def _on_preview(self, hand: Hand, said: dict[str, Any]) -> None:
        job = self._at_work(hand, said)
        if job is not None and job.preview_due:  # a slow client's are dropped, never queued
            job.preview_due = False
            self._office.tell(job.session, p.Preview(**{**said, "job": job.id}))

    def _on_stopped(self, hand: Hand, said: dict[str, Any]) -> None:
        if (turn := hand.turn) is None or said["job"] != turn.ticket:
            return
        self.last.keep(turn.job, turn.paths["last"], said)
        if not turn.stopping:  # nobody asked for it: once more
            turn.job.state = QUEUED
        self._free(hand)

    def _on_failed(self, hand: Hand, said: dict[str, Any]) -> None:
        job = self._at_work(hand, said)
        if said.get("detail"):
            log.error("job %s: %s", job.id if job else "(stopped)", said["detail"])
        if job is not None and said["code"] == DaemonLost.code and self.crew.at_home_for_now:
            self._send_home(job, f"{said['sentence']} This machine does the work meanwhile.")
        elif job is not None:
            others = self._queue.in_order() if said["code"] == DaemonLost.code and self.crew.nobody_there else []
            for one in [job, *others]:
                self._office.fail(one, error_from(said["code"], said["sentence"]))
            if said["code"] in ("wrong_hash", "wrong_length"):
                self._blobs.discard(job.blobs)
        if hand.turn is not None and said["job"] == hand.turn.ticket:
            self._free(hand)

    def _on_done(self, hand: Hand, said: dict[str, Any]) -> None:
        job, turn = self._at_work(hand, said), hand.turn
        if job is None and turn is not None and said["job"] == turn.ticket and self._is_wanted(turn.job):
            job = turn.job  # finished while its client fell silent: the result waits for it
        if job is None or turn is None:  # it was stopped while its last step was made
            self._on_stopped(hand, said)
            return
        picture = PictureRef.from_wire(said["picture"])
        self.last.keep(job, turn.paths["last"], said)
        try:
            self._blobs.adopt(picture.blob, turn.paths["result"])
        except DiskTrouble as error:
            self._office.fail(job, error)
            self._free(hand)
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
        self._keeper.finished(job, result, said)
        hand.executor.settle(said["job"])
        self._office.done(job, result, said)
        self._free(hand)

    def _on_gone(self, hand: Hand, said: dict[str, Any]) -> None:
        """A hand's worker has died: say so, put its job back once, have another."""
        turn = hand.turn
        how = "it gave no sign of life any more and was ended" if turn is not None and turn.hung else said["how"]
        log.error("a worker died: %s", how)
        hand.executor.info = {}
        hand.forget()
        self._answer_for(hand, f"The worker died ({how}) before it could say.")
        if turn is not None and not turn.stopping:
            self._outlive(turn.job, how, said.get("sentence", ""), blameless=bool(said.get("blameless")))
        self._free(hand)

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
            self._office.fail(job, DaemonLost(sentence) if sentence else WorkerDied(twice))
        elif not sentence:
            self._put_back(job, f"The worker died ({how}); another one goes on with it.")
        elif self.crew.at_home_for_now:
            self._send_home(job, f"{sentence} This machine goes on with it.")
        else:
            self._put_back(job, f"{sentence} It is tried once more.")

    def _send_home(self, job: Job, sentence: str) -> None:
        try:
            refuse_too_large_here(job, self._options)
        except PictureTooLarge as error:
            self._office.fail(job, error)
            return
        job.told_at_home = True
        self._put_back(job, sentence)

    def _put_back(self, job: Job, sentence: str) -> None:
        """Another hand is to do it."""
        job.state = QUEUED
        self._office.tell(job.session, p.Notice(job.id, sentence))

    def _free(self, hand: Hand) -> None:
        """It has nothing in hand: clear up after it, next please."""
        turn, hand.turn = hand.turn, None
        if turn is not None:
            self._let_go(turn)
        self.turn()

    def _let_go(self, turn: Turn) -> None:
        """Clear up the files that a turn held."""
        for path in turn.paths.values():
            _remove(path)
        self._keeper.works.clear_up((turn.job.client_id, turn.job.id))


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


def _told(hand: Hand) -> dict[str, Any]:
    """Of a hand, for a status."""
    return {"pid": hand.executor.pid, "busy": hand.turn is not None, **hand.executor.info}


def _notes(job: Job, said: dict[str, Any]) -> list[str]:
    notes = list(said["notes"])
    if job.settings.start == "last" and said["started_from"] != "last" and NO_LAST not in notes:
        notes.append(NO_LAST)
    return notes
