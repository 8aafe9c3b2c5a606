"""Scheduler and worker pool under anything that may happen, in any order: clients that come, go and change their minds,
workers that stop, fail and die, machines that are lost and come back. No sockets, no processes; an injected clock."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import settings as how
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.conftest import picture
from tests.support.scheduling import FakeProvider, ManualClock
from velatura.app_dirs import app_dirs
from velatura.errors import VelaturaError
from velatura.pixels import Picture, PictureRef
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import (
    Available,
    CheckpointSaved,
    Estimated,
    Heartbeat,
    JobDone,
    JobFailed,
    JobStopped,
    SavedImage,
    WorkerEvent,
    WorkerGone,
    WorkerInfo,
)
from velatura_daemon.jobs.job import RUNNING
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec
from velatura_daemon.scheduling.job_service import JobService
from velatura_daemon.scheduling.worker_pool import WorkerPool

CONTENTS, STYLE = [picture(seed=1), picture(seed=2)], picture(40, 40, seed=3)
CLIENTS, LAYERS, DEVICES = ["ann", "ben"], ["one", "two"], ["auto", "auto", "cuda:0", "cuda:9"]
HANG, IDLE = 60.0, 600.0
ENDINGS = (p.Result, p.Failed, p.Cancelled)
ROUNDS = 200  # to run everything down


class Worker:
    """An executor as the protocol has it; when and how it ends a job, the machine decides."""

    def __init__(self, device: str) -> None:
        self.device, self.available, self.pid, self.info = device, True, 0, WorkerInfo(state="warm")
        self.spec: JobSpec | None = None
        self.stopping = False
        self.questions: list[str] = []
        self.events: deque[WorkerEvent] = deque()

    @property
    def holds_device(self) -> bool:
        return self.pid > 0

    def poll(self) -> WorkerEvent | None:
        return self.events.popleft() if self.events else None

    def emit(self, event: WorkerEvent) -> None:
        self.events.append(event)

    def request_start(self) -> None: ...

    def run(self, spec: JobSpec) -> None:
        assert self.spec is None, "it was given a job while it had another"
        for item in spec.inputs:
            assert item.file.exists(), "it was given a picture that is not there"
        self.pid, self.spec, self.stopping = 7, spec, False

    def estimate(self, request: EstimateRequest) -> None:
        self.pid = 7
        self.questions.append(request.ticket)

    def cancel(self, ticket: str) -> None:
        if self.spec is not None and self.spec.ticket == ticket:
            self.stopping = True

    pause = cancel

    def acknowledge(self, ticket: str) -> None: ...

    def release_device(self) -> None:
        assert self.spec is None, "its device was taken from its work"
        self.pid, self.questions = 0, []

    def terminate(self) -> None:
        if self.pid:
            self.go("it was killed")

    def close(self) -> None: ...

    # --- what the machine has it do ---------------------------------------------------------------------
    def go(self, how: str = "it went", **why: Any) -> None:
        self.pid, self.spec, self.questions = 0, None, []
        self.emit(WorkerGone(how, **why))

    def end(self, ending: WorkerEvent) -> None:
        self.spec = None
        self.emit(ending)

    def save_image(self) -> SavedImage:
        assert self.spec is not None
        data = self.spec.ticket.encode()
        self.spec.files.last_image.write_bytes(data)
        return SavedImage(hashlib.sha256(data).digest(), 1)

    def finish(self) -> None:
        assert self.spec is not None
        ref = self.spec.content.picture
        data = hashlib.sha256(self.spec.ticket.encode()).digest() * (ref.length // 32)
        self.spec.files.result.write_bytes(data)
        result = replace(ref, blob=hashlib.sha256(data).digest())
        image = self.save_image()
        self.end(JobDone(self.spec.ticket, result, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", (), b"", (b"",), image))


class Studio(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="vel-"))
        self.clock = ManualClock()
        self.workers = [Worker("cuda:0"), Worker("cuda:1"), Worker("auto")]
        self.fallback = Worker("auto")
        self.provider = FakeProvider(*self.workers)
        options = DaemonConfig(hang_seconds=HANG, worker_seconds=IDLE)
        pool = WorkerPool(self.provider, FakeProvider(self.fallback), options, self.clock)
        self.jobs = JobService(options, app_dirs({"VELATURA_HOME": str(self.home)}), pool, self.hears, self.clock)
        self.scheduler, self.store = self.jobs.scheduler, self.jobs.store
        self.sessions = {client: client.encode() for client in CLIENTS}
        self.silent: set[str] = set()
        self.asked: list[tuple[bytes, p.Get]] = []  # pictures that clients are asked for
        self.open: set[tuple[str, str]] = set()  # jobs that an ending is owed, by client and id
        self.questions: set[tuple[str, str]] = set()  # that an answer is owed, by client and ticket
        self.number = 0

    # --- what clients hear ------------------------------------------------------------------------------
    def hears(self, session: bytes, message: p.Message) -> None:
        client = next((name for name, token in self.sessions.items() if token == session), None)
        if client is None:
            return  # one that has gone: the front drops it
        if isinstance(message, p.Get):
            self.asked.append((session, message))
        elif isinstance(message, ENDINGS):
            assert (client, message.job) in self.open, f"{message.type} for a job that had its ending: {message.job}"
            self.open.remove((client, message.job))
        elif isinstance(message, p.Estimate):
            self.questions.discard((client, message.ticket))

    def fresh(self) -> str:
        self.number += 1
        return str(self.number)

    # --- clients ----------------------------------------------------------------------------------------
    @rule(
        client=some.sampled_from(CLIENTS),
        layer=some.sampled_from(LAYERS),
        content=some.sampled_from(CONTENTS),
        device=some.sampled_from(DEVICES),
        adjust=some.booleans(),
        sends=some.sampled_from([True, True, True, False]),
    )
    def asks(self, client: str, layer: str, content: Picture, device: str, adjust: bool, sends: bool) -> None:
        self.speaks(client)  # it has to, to ask
        job = self.fresh()
        asked = p.Restyle(
            job,
            layer,
            content.ref.to_wire(),
            [{"picture": STYLE.ref.to_wire(), "share": 1.0}],
            None,
            StyleSettings().to_wire(),
            adjust=adjust,
            device=device,
            remember=self.number % 4 > 0,
        )
        self.open.add((client, job))
        self.jobs.submit(self.sessions[client], client, "tests", asked)
        if sends:
            self.sends_all_pictures()

    @precondition(lambda self: self.asked)
    @rule(which=some.integers(0, 9))
    def sends_a_picture(self, which: int) -> None:
        session, get = self.asked.pop(which % len(self.asked))
        data = next(one.blobs[get.blob] for one in [*CONTENTS, STYLE] if get.blob in one.blobs)
        self.jobs.put(session, p.Put(get.blob, data.nbytes, 0, get.ticket, data))

    def sends_all_pictures(self) -> None:
        while self.asked:
            self.sends_a_picture(0)

    @precondition(lambda self: len(self.jobs.queue))
    @rule(which=some.integers(0, 9))
    def cancels(self, which: int) -> None:
        job = list(self.jobs.queue)[which % len(self.jobs.queue)]
        self.jobs.cancel(job.client_id, job.id)

    @precondition(lambda self: len(self.silent) < len(CLIENTS))
    @rule(which=some.integers(0, 9))
    def falls_silent(self, which: int) -> None:
        client = [one for one in CLIENTS if one not in self.silent][which % (len(CLIENTS) - len(self.silent))]
        self.silent.add(client)
        self.jobs.park(self.sessions[client])

    @precondition(lambda self: self.silent)
    @rule(client=some.sampled_from(CLIENTS))
    def speaks(self, client: str) -> None:
        if client in self.silent:
            self.silent.remove(client)
            self.jobs.unpark(self.sessions[client])

    @rule(client=some.sampled_from(CLIENTS), goodbye=some.booleans())
    def goes_and_comes_again(self, client: str, goodbye: bool) -> None:
        gone, self.sessions[client] = self.sessions[client], f"{client} {self.fresh()}".encode()
        self.silent.discard(client)
        self.open = {key for key in self.open if key[0] != client}
        self.questions = {key for key in self.questions if key[0] != client}
        self.asked = [(session, get) for session, get in self.asked if session != gone]
        (self.jobs.end_session if goodbye else self.jobs.lose_session)(gone)

    @precondition(lambda self: any(key not in self.store.active for key in self.store.checkpoints.records))
    @rule(which=some.integers(0, 9), client=some.sampled_from(CLIENTS), as_it_is=some.booleans())
    def resumes(self, which: int, client: str, as_it_is: bool) -> None:
        kept = [key for key in self.store.checkpoints.records if key not in self.store.active]
        whose, job = kept[which % len(kept)]
        self.speaks(client)
        self.open.add((client, job))
        try:
            self.jobs.resume(
                self.sessions[client], client, whose, p.Resume(job, whose, "as_it_is" if as_it_is else "go_on")
            )
        except VelaturaError:
            self.open.remove((client, job))

    @rule(client=some.sampled_from(CLIENTS), what=some.sampled_from(["estimate", "fetch", "forget"]))
    def wants_something_else(self, client: str, what: str) -> None:
        if what == "forget":
            self.jobs.forget()
        elif what == "fetch":
            for key in list(self.store.results.records):
                self.store.received(key)
        else:
            self.asks_for_an_estimate(client)

    def asks_for_an_estimate(self, client: str) -> None:
        ticket = self.fresh()
        try:
            self.jobs.estimate(self.sessions[client], p.GetEstimate(ticket, 100, 100, StyleSettings().to_wire()))
        except VelaturaError:
            return
        self.questions.add((client, ticket))

    # --- hands ------------------------------------------------------------------------------------------
    @property
    def everybody(self) -> list[Worker]:
        return [*self.workers, self.fallback]

    @property
    def at_work(self) -> list[Worker]:
        return [worker for worker in self.everybody if worker.spec is not None]

    @precondition(lambda self: self.at_work)
    @rule(which=some.integers(0, 9))
    def goes_on(self, which: int) -> None:
        worker = self.at_work[which % len(self.at_work)]
        assert worker.spec is not None
        self.answers()
        worker.spec.files.checkpoint.write_bytes(b"picture")
        worker.emit(CheckpointSaved(worker.spec.ticket, 0.5, 1, b"", (b"",)))
        self.scheduler.poll()

    @precondition(lambda self: self.at_work)
    @rule(
        which=some.integers(0, 9),
        how=some.sampled_from(["done", "done", "stopped", "bad_mask", "wrong_hash", "daemon_lost", "nonsense"]),
    )
    def ends(self, which: int, how: str) -> None:
        self.end(self.at_work[which % len(self.at_work)], how)
        self.scheduler.poll()

    def end(self, worker: Worker, how: str) -> None:
        assert worker.spec is not None
        if how == "nonsense":
            worker.emit(object())  # type: ignore[arg-type]
        elif worker.stopping and how != "done":
            worker.end(JobStopped(worker.spec.ticket, worker.save_image()))
        elif how == "done":
            worker.finish()
        elif how == "stopped":
            worker.end(JobStopped(worker.spec.ticket))
        else:
            worker.end(JobFailed(worker.spec.ticket, how, ""))

    @rule(which=some.integers(0, 9), sentence=some.sampled_from(["", "The node went."]), blameless=some.booleans())
    def dies(self, which: int, sentence: str, blameless: bool) -> None:
        self.everybody[which % len(self.everybody)].go(sentence=sentence, blameless=blameless)
        self.scheduler.poll()

    def answers(self) -> None:
        for worker in self.everybody:
            for question in worker.questions:
                worker.emit(Estimated(question, 1.0, 1, 0, "d", ""))
            worker.questions = []
        self.scheduler.poll()

    @rule(which=some.integers(0, 5))
    def is_there_or_not(self, which: int) -> None:
        """One of them, or nobody at all."""
        if which < len(self.workers):
            worker = self.workers[which]
            worker.available = not worker.available
            if worker.available:
                worker.emit(Available())
        else:
            self.provider.lost = not self.provider.lost
            self.jobs.tick(self.clock.now())
        self.scheduler.poll()

    @rule(seconds=some.sampled_from([1.0, HANG / 2, HANG + 1, IDLE + 1]), alive=some.booleans())
    def time_passes(self, seconds: float, alive: bool) -> None:
        self.clock.wait(seconds)
        for worker in self.at_work if alive else ():
            worker.emit(Heartbeat())
        self.scheduler.poll()
        self.jobs.tick(self.clock.now())
        assert self.scheduler.seconds_to_next is None or self.scheduler.seconds_to_next > 0, "the event loop would spin"
        self.scheduler.poll()

    # --- what always holds --------------------------------------------------------------------------------
    @invariant()
    def jobs_and_hands_agree(self) -> None:
        turns = [slot.assignment for slot in self.scheduler.pool.busy if slot.assignment is not None]
        layers = Counter((assignment.job.client_id, assignment.job.layer) for assignment in turns)
        assert all(count == 1 for count in layers.values()), "one layer is at two hands"
        at_work = [assignment.job for assignment in turns if not assignment.stopping]
        assert all(job.state == RUNNING and self.jobs.queue.get(job.client_id, job.id) is job for job in at_work)
        assert {id(job) for job in self.jobs.queue if job.state == RUNNING} == {id(job) for job in at_work}

    @invariant()
    def a_hand_has_what_it_is_thought_to_have(self) -> None:
        for slot in self.scheduler.pool:
            has = slot.executor.spec.ticket if slot.executor.spec is not None else None
            thought = slot.assignment.ticket if slot.assignment is not None else None
            assert has == thought
            assert slot.assignment is None or not slot.assignment.hung, "it was ended, and is not known to have gone"

    @invariant()
    def nobody_waits_for_a_hand_that_is_free(self) -> None:
        assert self.scheduler._next() is None

    @invariant()
    def every_job_is_owed_its_ending_and_no_other_is(self) -> None:
        assert {(job.client_id, job.id) for job in self.jobs.queue} == self.open == self.store.active

    @invariant()
    def pins_are_those_of_jobs_and_of_what_is_kept(self) -> None:
        store = self.store
        pins = Counter(blob for job in self.jobs.queue for blob in job.blobs)
        pins.update(blob for key in store.checkpoints.records for blob in store.checkpoints._needs(key))
        pins.update(blob for key in store.results.records for blob in _blobs_of(store.results.records[key]))
        assert store.blobs._pins == pins

    @invariant()
    def files_in_the_spool_are_somebodys(self) -> None:
        known = {
            path
            for slot in self.scheduler.pool.busy
            if slot.assignment is not None
            for path in (slot.assignment.outputs.result, slot.assignment.outputs.last_image)
        }
        known |= {upload.path for upload in self.jobs.blobs._promised}
        assert set(self.jobs.blobs.folder.glob("new-*")) <= known

    # --- and in the end -----------------------------------------------------------------------------------
    def teardown(self) -> None:
        try:
            self.run_down()
        finally:
            self.store.close()
            shutil.rmtree(self.home)

    def run_down(self) -> None:
        self.provider.lost = False
        for client in CLIENTS:
            self.speaks(client)
        for worker in self.workers:
            worker.available = True
            worker.emit(Available())
        for _ in range(ROUNDS):
            self.scheduler.poll()
            self.sends_all_pictures()
            for worker in self.at_work:
                self.end(worker, "done")
            self.answers()
            if not self.scheduler.busy and not any(worker.events for worker in self.everybody):
                break
        assert not self.scheduler.busy, f"{[job.state for job in self.jobs.queue]} {self.scheduler.pool.busy}"
        for check in (
            self.every_job_is_owed_its_ending_and_no_other_is,
            self.pins_are_those_of_jobs_and_of_what_is_kept,
        ):
            check()
        assert (self.open, self.questions, self.scheduler.estimates.questions) == (set(), set(), {})
        assert not list(self.jobs.blobs.folder.glob("new-*"))
        kept = {self.store.checkpoints.image_path(key) for key in self.store.checkpoints.records}
        assert set(self.store.checkpoints.records.folder.glob("*.npy*")) <= kept
        self.clock.wait(IDLE + 1)
        self.jobs.tick(self.clock.now())
        assert self.scheduler.seconds_to_next is None or self.scheduler.seconds_to_next > 0
        self.clock.wait(IDLE + 1)
        self.jobs.tick(self.clock.now())
        assert (self.scheduler.seconds_to_next, sum(worker.pid for worker in self.everybody)) == (None, 0)


def _blobs_of(entry: dict[str, Any]) -> list[bytes]:
    return [
        blob
        for name in ("picture", "mask")
        if entry["result"].get(name)
        for blob in PictureRef.from_wire(entry["result"][name]).blobs
    ]


Studio.TestCase.settings = how(max_examples=150, stateful_step_count=50, deadline=None)
TestWhateverHappens = Studio.TestCase
