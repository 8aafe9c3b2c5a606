"""Scheduler and worker pool under all events in any order: clients that connect, leave and change their minds, workers
that stop, fail and die, providers that are lost and come back. No sockets, no processes; a manual clock."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.conftest import picture
from tests.support.scheduling import FakeProvider, ManualClock
from tests.support.simulated_executor import SimulatedExecutor
from velatura.app_dirs import app_dirs
from velatura.errors import VelaturaError
from velatura.pixels import Picture, PictureRef
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import Available, CheckpointSaved, Estimated, Heartbeat, JobFailed, JobStopped
from velatura_daemon.jobs.job import RUNNING
from velatura_daemon.scheduling.job_service import JobService
from velatura_daemon.scheduling.worker_pool import WorkerPool

CONTENTS, STYLE = [picture(seed=1), picture(seed=2)], picture(40, 40, seed=3)
CLIENTS, LAYERS, DEVICES = ["ann", "ben"], ["one", "two"], ["auto", "auto", "cuda:0", "cuda:9"]
HANG, IDLE = 60.0, 600.0
ENDINGS = (p.Result, p.Failed, p.Cancelled)
MAX_ROUNDS = 200  # in which all jobs have to end


class SchedulerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="vel-"))
        self.clock = ManualClock()
        self.workers = [SimulatedExecutor("cuda:0"), SimulatedExecutor("cuda:1"), SimulatedExecutor("auto")]
        self.fallback = SimulatedExecutor("auto")
        self.provider = FakeProvider(*self.workers)
        options = DaemonConfig(hang_seconds=HANG, worker_seconds=IDLE)
        pool = WorkerPool(self.provider, FakeProvider(self.fallback), options, self.clock)
        self.jobs = JobService(options, app_dirs({"VELATURA_HOME": str(self.home)}), pool, self.on_message, self.clock)
        self.scheduler, self.store = self.jobs.scheduler, self.jobs.store
        self.sessions = {client: client.encode() for client in CLIENTS}
        self.silent: set[str] = set()
        self.requests: list[tuple[bytes, p.Get]] = []  # for pictures, not answered yet
        self.open_jobs: set[tuple[str, str]] = set()  # without an ending, by client and id
        self.open_estimates: set[tuple[str, str]] = set()  # without an answer, by client and ticket
        self.number = 0

    # --- messages to clients ------------------------------------------------------------------------------
    def on_message(self, session: bytes, message: p.Message) -> None:
        client = next((name for name, token in self.sessions.items() if token == session), None)
        if client is None:
            return  # a closed session: the server drops the message
        if isinstance(message, p.Get):
            self.requests.append((session, message))
        elif isinstance(message, ENDINGS):
            assert (client, message.job) in self.open_jobs, (
                f"{message.type} for a job that has ended already: {message.job}"
            )
            self.open_jobs.remove((client, message.job))
        elif isinstance(message, p.Estimate):
            self.open_estimates.discard((client, message.ticket))

    def fresh(self) -> str:
        self.number += 1
        return str(self.number)

    # --- clients ----------------------------------------------------------------------------------------
    @rule(
        client=st.sampled_from(CLIENTS),
        layer=st.sampled_from(LAYERS),
        content=st.sampled_from(CONTENTS),
        device=st.sampled_from(DEVICES),
        adjust=st.booleans(),
        sends=st.sampled_from([True, True, True, False]),
    )
    def submits(self, client: str, layer: str, content: Picture, device: str, adjust: bool, sends: bool) -> None:
        self.speaks(client)  # a silent client sends no request
        job = self.fresh()
        request = p.Restyle(
            job,
            layer,
            content.ref.to_wire(),
            [{"picture": STYLE.ref.to_wire(), "share": 1.0}],
            None,
            StyleSettings().to_wire(),
            adjust=adjust,
            device=device,
            remember=self.number % 4 > 0,
            background=self.number % 3 == 0,
        )
        self.open_jobs.add((client, job))
        self.jobs.submit(self.sessions[client], client, "tests", request)
        if sends:
            self.sends_all_pictures()

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, 9))
    def sends_a_picture(self, which: int) -> None:
        session, get = self.requests.pop(which % len(self.requests))
        data = next(one.blobs[get.blob] for one in [*CONTENTS, STYLE] if get.blob in one.blobs)
        self.jobs.put(session, p.Put(get.blob, data.nbytes, 0, get.ticket, data))

    def sends_all_pictures(self) -> None:
        while self.requests:
            self.sends_a_picture(0)

    @precondition(lambda self: len(self.jobs.queue))
    @rule(which=st.integers(0, 9))
    def cancels(self, which: int) -> None:
        job = list(self.jobs.queue)[which % len(self.jobs.queue)]
        self.jobs.cancel(job.client_id, job.id)

    @precondition(lambda self: len(self.silent) < len(CLIENTS))
    @rule(which=st.integers(0, 9))
    def falls_silent(self, which: int) -> None:
        client = [one for one in CLIENTS if one not in self.silent][which % (len(CLIENTS) - len(self.silent))]
        self.silent.add(client)
        self.jobs.park(self.sessions[client])

    @precondition(lambda self: self.silent)
    @rule(client=st.sampled_from(CLIENTS))
    def speaks(self, client: str) -> None:
        if client in self.silent:
            self.silent.remove(client)
            self.jobs.unpark(self.sessions[client])

    @rule(client=st.sampled_from(CLIENTS), goodbye=st.booleans())
    def reconnects(self, client: str, goodbye: bool) -> None:
        former, self.sessions[client] = self.sessions[client], f"{client} {self.fresh()}".encode()
        self.silent.discard(client)
        self.open_jobs = {key for key in self.open_jobs if key[0] != client}
        self.open_estimates = {key for key in self.open_estimates if key[0] != client}
        self.requests = [(session, get) for session, get in self.requests if session != former]
        (self.jobs.end_session if goodbye else self.jobs.lose_session)(former)

    @precondition(lambda self: any(key not in self.store.active for key in self.store.checkpoints.records))
    @rule(which=st.integers(0, 9), client=st.sampled_from(CLIENTS), as_it_is=st.booleans())
    def resumes(self, which: int, client: str, as_it_is: bool) -> None:
        saved = [key for key in self.store.checkpoints.records if key not in self.store.active]
        owner, job = saved[which % len(saved)]
        self.speaks(client)
        self.open_jobs.add((client, job))
        try:
            self.jobs.resume(
                self.sessions[client], client, owner, p.Resume(job, owner, "as_it_is" if as_it_is else "go_on")
            )
        except VelaturaError:
            self.open_jobs.remove((client, job))

    @rule(client=st.sampled_from(CLIENTS), what=st.sampled_from(["estimate", "fetch", "forget"]))
    def makes_another_request(self, client: str, what: str) -> None:
        if what == "forget":
            self.jobs.forget()
        elif what == "fetch":
            for key in list(self.store.results.records):
                self.store.received(key)
        else:
            self.requests_an_estimate(client)

    def requests_an_estimate(self, client: str) -> None:
        ticket = self.fresh()
        try:
            self.jobs.estimate(self.sessions[client], p.GetEstimate(ticket, 100, 100, StyleSettings().to_wire()))
        except VelaturaError:
            return
        self.open_estimates.add((client, ticket))

    # --- workers ------------------------------------------------------------------------------------------
    @property
    def all_workers(self) -> list[SimulatedExecutor]:
        return [*self.workers, self.fallback]

    @property
    def at_work(self) -> list[SimulatedExecutor]:
        return [worker for worker in self.all_workers if worker.spec is not None]

    @precondition(lambda self: self.at_work)
    @rule(which=st.integers(0, 9))
    def saves_a_checkpoint(self, which: int) -> None:
        worker = self.at_work[which % len(self.at_work)]
        assert worker.spec is not None
        self.answer_estimates()
        worker.spec.files.checkpoint.write_bytes(b"picture")
        worker.emit(CheckpointSaved(worker.spec.ticket, 0.5, 1, b"", (b"",)))
        self.scheduler.poll()

    @precondition(lambda self: self.at_work)
    @rule(
        which=st.integers(0, 9),
        how=st.sampled_from(["done", "done", "stopped", "bad_mask", "wrong_hash", "daemon_lost", "nonsense"]),
    )
    def ends(self, which: int, how: str) -> None:
        self.end(self.at_work[which % len(self.at_work)], how)
        self.scheduler.poll()

    def end(self, worker: SimulatedExecutor, how: str) -> None:
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

    @rule(which=st.integers(0, 9), sentence=st.sampled_from(["", "The node was lost."]), blameless=st.booleans())
    def dies(self, which: int, sentence: str, blameless: bool) -> None:
        self.all_workers[which % len(self.all_workers)].die(sentence=sentence, blameless=blameless)
        self.scheduler.poll()

    def answer_estimates(self) -> None:
        for worker in self.all_workers:
            for ticket in worker.estimates:
                worker.emit(Estimated(ticket, 1.0, 1, 0, "d", ""))
            worker.estimates = []
        self.scheduler.poll()

    @rule(which=st.integers(0, 5))
    def becomes_available_or_not(self, which: int) -> None:
        """One worker, or the whole provider."""
        if which < len(self.workers):
            worker = self.workers[which]
            worker.available = not worker.available
            if worker.available:
                worker.emit(Available())
        else:
            self.provider.lost = not self.provider.lost
            self.jobs.tick(self.clock.now())
        self.scheduler.poll()

    @rule(seconds=st.sampled_from([1.0, HANG / 2, HANG + 1, IDLE + 1]), alive=st.booleans())
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
    def running_jobs_and_assignments_match(self) -> None:
        assignments = [slot.assignment for slot in self.scheduler.pool.busy if slot.assignment is not None]
        layers = Counter((assignment.job.client_id, assignment.job.layer) for assignment in assignments)
        assert all(count == 1 for count in layers.values()), "two workers have jobs for one layer"
        at_work = [assignment.job for assignment in assignments if not assignment.stopping]
        assert all(job.state == RUNNING and self.jobs.queue.get(job.client_id, job.id) is job for job in at_work)
        assert {id(job) for job in self.jobs.queue if job.state == RUNNING} == {id(job) for job in at_work}

    @invariant()
    def workers_have_the_jobs_that_the_pool_assigned(self) -> None:
        for slot in self.scheduler.pool:
            actual = slot.executor.spec.ticket if slot.executor.spec is not None else None
            assigned = slot.assignment.ticket if slot.assignment is not None else None
            assert actual == assigned
            assert slot.assignment is None or not slot.assignment.hung, (
                "a worker was ended, and its end was not noticed"
            )

    @invariant()
    def no_job_waits_while_a_worker_is_free(self) -> None:
        assert self.scheduler._next() is None

    @invariant()
    def exactly_the_queued_jobs_have_no_ending_yet(self) -> None:
        assert {(job.client_id, job.id) for job in self.jobs.queue} == self.open_jobs == self.store.active

    @invariant()
    def pinned_blobs_are_those_of_jobs_and_saved_records(self) -> None:
        store = self.store
        pins = Counter(blob for job in self.jobs.queue for blob in job.blobs)
        pins.update(blob for key in store.checkpoints.records for blob in store.checkpoints._needs(key))
        pins.update(blob for key in store.results.records for blob in _blobs_of(store.results.records[key]))
        assert store.blobs.pins == pins

    @invariant()
    def every_new_file_in_the_spool_belongs_to_a_job_or_an_upload(self) -> None:
        known = {
            path
            for slot in self.scheduler.pool.busy
            if slot.assignment is not None
            for path in (slot.assignment.outputs.result, slot.assignment.outputs.last_image)
        }
        known |= {upload.path for upload in self.jobs.blobs._promised}
        assert set(self.jobs.blobs.folder.glob("new-*")) <= known

    # --- the end -----------------------------------------------------------------------------------
    def teardown(self) -> None:
        try:
            self.finish_all_jobs()
        finally:
            self.store.close()
            shutil.rmtree(self.home)

    def finish_all_jobs(self) -> None:
        self.provider.lost = False
        for client in CLIENTS:
            self.speaks(client)
        for worker in self.workers:
            worker.available = True
            worker.emit(Available())
        for _ in range(MAX_ROUNDS):
            self.scheduler.poll()
            self.sends_all_pictures()
            for worker in self.at_work:
                self.end(worker, "done")
            self.answer_estimates()
            if not self.scheduler.busy and not any(worker.events for worker in self.all_workers):
                break
        assert not self.scheduler.busy, f"{[job.state for job in self.jobs.queue]} {self.scheduler.pool.busy}"
        for check in (
            self.exactly_the_queued_jobs_have_no_ending_yet,
            self.pinned_blobs_are_those_of_jobs_and_saved_records,
        ):
            check()
        assert (self.open_jobs, self.open_estimates, self.scheduler.estimates.questions) == (set(), set(), {})
        assert not list(self.jobs.blobs.folder.glob("new-*"))
        saved = {self.store.checkpoints.image_path(key) for key in self.store.checkpoints.records}
        assert set(self.store.checkpoints.records.folder.glob("*.npy*")) <= saved
        self.clock.wait(IDLE + 1)
        self.jobs.tick(self.clock.now())
        assert self.scheduler.seconds_to_next is None or self.scheduler.seconds_to_next > 0
        self.clock.wait(IDLE + 1)
        self.jobs.tick(self.clock.now())
        assert (self.scheduler.seconds_to_next, sum(worker.pid for worker in self.all_workers)) == (None, 0)


def _blobs_of(entry: dict[str, Any]) -> list[bytes]:
    return [
        blob
        for name in ("picture", "mask")
        if entry["result"].get(name)
        for blob in PictureRef.from_wire(entry["result"][name]).blobs
    ]


SchedulerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestSchedulerMachine = SchedulerMachine.TestCase
