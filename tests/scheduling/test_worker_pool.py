"""Several workers: which one gets which job, which devices are released, and who answers estimate requests."""

from __future__ import annotations

import pytest

from tests.support.scheduling import HANG, FakeExecutor, FakeProvider, Scheduling, TwoWorkers, job_count
from velatura.errors import TooBusy, WorkerDied
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura_daemon.jobs.events import Available, Heartbeat, JobStopped, WorkerInfo
from velatura_daemon.scheduling.estimate_broker import MAX_QUESTIONS
from velatura_daemon.scheduling.job_service import JOBS_SHOWN


def working(scheduling: TwoWorkers) -> FakeExecutor:
    return max((scheduling.left, scheduling.right), key=lambda executor: executor.pid)


def test_two_jobs_go_to_two_workers_and_the_third_waits_behind_both(scheduling):
    for job in ("a", "b", "c"):
        scheduling.submit(job)
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (1, 1)
    assert [m.place for m in scheduling.messages if isinstance(m, p.Queued) and m.job == "c"] == [2]
    scheduling.fail(scheduling.right)
    assert job_count(scheduling.right) == 2


def test_places_far_back_in_the_queue_are_sent_rarely_and_near_its_head_each_time(scheduling):
    for number in range(60):
        scheduling.submit(f"job {number}", layer=f"layer {number}", client=f"client {number}")
    while job_count(scheduling.left) < 59:
        scheduling.fail(scheduling.left)
    places = [m.place for m in scheduling.messages if isinstance(m, p.Queued) and m.job == "job 59"]
    assert places[:3] == [59, 53, 47]
    assert places[-10:] == [10, 9, 8, 7, 6, 5, 4, 3, 2, 0]


def test_a_layer_goes_back_to_the_worker_that_has_its_targets(scheduling):
    scheduling.submit("a", layer="one")
    scheduling.submit("b", layer="two")
    scheduling.fail(scheduling.left), scheduling.fail(scheduling.right)
    scheduling.submit("c", layer="two")
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (1, 2)


def test_one_client_after_another_uses_one_device_only(scheduling):
    for job in ("a", "b", "c"):
        scheduling.submit(job, layer=job)
        scheduling.fail(scheduling.left)
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (3, 0)


def test_a_job_waits_for_the_device_that_it_names(scheduling):
    scheduling.left.device, scheduling.right.device = "cuda:0", "cuda:1"
    scheduling.submit("a", device="cuda:1")
    scheduling.submit("b", device="cuda:1")
    scheduling.submit("c", device="cuda")
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (1, 1)
    assert scheduling.left.specs[0].device == "auto"  # the executor's own device
    scheduling.fail(scheduling.right)
    assert job_count(scheduling.right) == 2


def test_a_worker_that_dies_does_not_affect_the_other_workers_job(scheduling):
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.die(scheduling.left)
    assert [m.job for m in scheduling.messages if isinstance(m, p.Notice)] == ["a"]
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (2, 1)


def test_a_worker_that_dies_ends_only_its_own_estimate_requests(scheduling):
    scheduling.submit("a")
    scheduling.left.pid, scheduling.right.pid = 7, 0
    scheduling.request_estimate("one")
    scheduling.left.pid, scheduling.right.pid = 0, 7
    scheduling.request_estimate("two")
    scheduling.die(scheduling.right)
    assert [m.ticket for m in scheduling.messages if isinstance(m, p.Estimate)] == ["two"]


def test_a_job_survives_three_lost_machines_and_fails_with_the_fourth(scheduling):
    scheduling.submit("a")
    for _ in range(3):
        at_work = working(scheduling)
        scheduling.die(at_work, sentence="The node went.", blameless=True)
    assert not [m for m in scheduling.messages if isinstance(m, p.Failed)]
    scheduling.die(working(scheduling), sentence="The node went.", blameless=True)
    assert [m.sentence for m in scheduling.messages if isinstance(m, p.Failed)] == ["The node went."]


def test_an_unavailable_worker_gets_no_job_and_is_requested(scheduling):
    scheduling.left.available = scheduling.right.available = False
    scheduling.submit("a")
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (0, 0)
    assert scheduling.left.requested and "Starting a worker" in scheduling.notices[0]
    scheduling.right.available = True
    scheduling.right.events.append(Available())
    scheduling.scheduler.poll()
    assert job_count(scheduling.right) == 1


def test_no_more_workers_are_requested_than_jobs_wait(scheduling):
    scheduling.left.available = scheduling.right.available = False
    scheduling.submit("a")
    assert scheduling.left.requested and not scheduling.right.requested
    scheduling.submit("b", layer="b")
    assert scheduling.right.requested


def test_a_surplus_worker_releases_its_device_while_the_other_works(scheduling):
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.fail(scheduling.right)
    for _ in range(601):
        scheduling.left.events.append(Heartbeat())
        scheduling.advance(1)
    assert (scheduling.left.released, scheduling.right.released) == (0, 1)


def test_of_two_idle_workers_one_stays_for_a_parked_job(scheduling):
    scheduling.submit("a")
    scheduling.submit("b", layer="b")
    scheduling.fail(scheduling.left), scheduling.jobs.park(b"s")
    scheduling.right.events.append(JobStopped(scheduling.right.specs[0].ticket))
    scheduling.scheduler.poll()
    scheduling.advance(601)
    assert scheduling.left.released + scheduling.right.released == 1


def test_a_changed_setting_waits_for_the_worker_that_has_the_layers_targets(scheduling):
    scheduling.submit("a", layer="one")
    scheduling.submit("b", layer="one")
    assert (scheduling.left.cancelled, job_count(scheduling.right)) == ([scheduling.left.specs[0].ticket], 0)
    scheduling.stop(scheduling.left)
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (2, 0)


def test_estimate_requests_for_which_no_worker_can_start_are_refused_and_not_counted(scheduling, monkeypatch):
    def estimate(_):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(scheduling.left, "estimate", estimate)
    for number in range(MAX_QUESTIONS + 1):
        with pytest.raises(WorkerDied):
            scheduling.request_estimate(str(number))


def test_estimate_requests_to_a_released_worker_are_answered(scheduling):
    scheduling.left.pid = 7
    scheduling.request_estimate("one")
    scheduling.advance(601)
    assert scheduling.left.released == 1
    assert [m.ticket for m in scheduling.messages if isinstance(m, p.Estimate)] == ["one"]


def test_estimate_requests_of_closed_sessions_count_until_the_worker_has_answered(scheduling):
    for number in range(MAX_QUESTIONS):
        scheduling.request_estimate(str(number))
    scheduling.jobs.end_session(b"s")
    with pytest.raises(TooBusy):
        scheduling.request_estimate("one more")


def test_a_status_of_many_workers_with_long_names_fits_a_header(home):
    long = "\N{ARTIST PALETTE}"
    many = [FakeExecutor() for _ in range(200)]
    for executor in many:
        executor.pid, executor.info = 7, WorkerInfo("warm", long * 200, long * 200)
    one = Scheduling(home, FakeProvider(*many))
    for number in range(JOBS_SHOWN + 1):
        one.submit(f"job {number}" + long * 100, f"layer {number}" + long * 100, client=f"client {number}")
    report = one.jobs.status()
    assert len(report["workers"]) > 1
    codec.pack(p.Status({**report, "endpoints": ["ipc://" + "e" * 100] * 2}))


def idle_worker(scheduling: TwoWorkers) -> FakeExecutor:
    """A worker of this machine whose job has ended."""
    scheduling.left.sends_idle_heartbeats = scheduling.right.sends_idle_heartbeats = True
    scheduling.submit("a")
    executor = working(scheduling)
    scheduling.fail(executor)
    return executor


def test_an_idle_worker_that_gives_no_sign_of_life_is_ended_before_a_job_needs_it(scheduling):
    executor = idle_worker(scheduling)
    scheduling.advance(HANG - 1)
    assert executor.terminated == 0
    scheduling.advance(2)
    assert (executor.terminated, executor.pid) == (1, 0)
    scheduling.advance(10 * HANG)
    assert executor.terminated == 1
    scheduling.submit("b")
    assert scheduling.notices == []


def test_an_idle_worker_with_heartbeats_stays_until_its_time_is_over(scheduling):
    executor = idle_worker(scheduling)
    for _ in range(599):
        executor.events.append(Heartbeat())
        scheduling.advance(1)
    assert (executor.terminated, executor.released) == (0, 0)
    executor.events.append(Heartbeat())
    scheduling.advance(2)
    assert (executor.terminated, executor.released) == (0, 1)


def test_a_worker_that_starts_for_an_estimate_is_given_time_to_start(scheduling):
    scheduling.left.sends_idle_heartbeats = scheduling.right.sends_idle_heartbeats = True
    scheduling.advance(10 * HANG)
    scheduling.request_estimate("one")
    scheduling.left.pid = scheduling.right.pid = 7
    scheduling.advance(HANG - 1)
    assert (scheduling.left.terminated, scheduling.left.released) == (0, 0)
