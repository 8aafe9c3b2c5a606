"""How jobs end, are parked and run again, when workers and clients do something unexpected."""

from __future__ import annotations

from tests.support.scheduling import CONTENT, TwoWorkers, job_count
from velatura.protocol import messages as p


def places(scheduling: TwoWorkers, job: str) -> list[int]:
    """What the job's client got to know about its place, in order."""
    return [m.place for m in scheduling.received(p.Queued) if m.job == job]


def test_a_job_whose_client_returns_at_once_runs_on_one_worker_only(scheduling):
    scheduling.submit("a")
    scheduling.jobs.park(b"s")
    scheduling.jobs.unpark(b"s")
    assert job_count(scheduling.right) == 0
    scheduling.stop(scheduling.left)
    assert job_count(scheduling.left) + job_count(scheduling.right) == 2


def test_a_job_that_finishes_between_parking_and_its_stop_does_not_run_again(scheduling):
    scheduling.submit("a")
    scheduling.jobs.park(b"s")
    scheduling.jobs.unpark(b"s")
    scheduling.finish(scheduling.left)
    assert [m.job for m in scheduling.messages if isinstance(m, p.Result)] == ["a"]
    assert job_count(scheduling.left) + job_count(scheduling.right) == 1


def test_a_job_cancelled_while_parked_has_no_result_and_unpins_its_pictures_once(scheduling):
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.jobs.park(b"s")
    scheduling.jobs.cancel("client", "a")
    scheduling.finish(scheduling.left)
    assert not [m for m in scheduling.messages if isinstance(m, p.Result)]
    scheduling.jobs.blobs.forget()
    assert CONTENT.ref.blob in scheduling.jobs.blobs  # job b needs it


def test_an_unknown_event_fails_the_job_and_the_worker_is_free_once_it_has_stopped(scheduling):
    scheduling.submit("a")
    scheduling.left.events.append(object())
    scheduling.scheduler.poll()
    assert [m.job for m in scheduling.messages if isinstance(m, p.Failed)] == ["a"]
    assert scheduling.left.cancelled == [scheduling.left.specs[0].ticket]
    scheduling.submit("b")
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (1, 1)
    scheduling.stop(scheduling.left)
    scheduling.submit("c")
    assert job_count(scheduling.left) == 2


def test_an_unknown_event_after_a_cancel_reports_nothing_about_that_job(scheduling):
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.jobs.cancel("client", "a")
    scheduling.left.events.append(object())
    scheduling.scheduler.poll()
    assert not [m for m in scheduling.messages if isinstance(m, p.Failed)]
    scheduling.jobs.blobs.forget()
    assert CONTENT.ref.blob in scheduling.jobs.blobs  # job b needs it


def test_a_job_that_cannot_be_given_to_a_worker_fails_whatever_the_reason(scheduling, monkeypatch):
    def run(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(scheduling.left, "run", run)
    scheduling.submit("a")
    assert [m.code for m in scheduling.messages if isinstance(m, p.Failed)] == ["worker_died"]
    assert not scheduling.scheduler.busy


def test_a_job_that_waits_again_gets_its_place_again(scheduling):
    scheduling.right.available = False
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.submit("c", client="another")
    scheduling.fail(scheduling.left)
    scheduling.left.available = False
    scheduling.die(scheduling.left)  # now it is the other client's turn
    assert places(scheduling, "b") == [1, 0, 1]


def test_a_job_that_replaces_the_running_one_of_its_layer_waits_for_no_other(scheduling):
    scheduling.right.available = False
    scheduling.submit("a", layer="one")
    scheduling.submit("b", layer="one")
    assert places(scheduling, "b") == []
    scheduling.stop(scheduling.left)
    assert places(scheduling, "b") == [0]


def test_a_job_after_a_cancelled_one_of_the_same_client_waits_for_no_other(scheduling):
    scheduling.right.available = False
    scheduling.submit("a")
    scheduling.jobs.cancel("client", "a")
    scheduling.submit("b")
    assert places(scheduling, "b") == []


def test_a_replaced_job_that_is_stopping_counts_for_other_clients(scheduling):
    scheduling.right.available = False
    scheduling.submit("a", layer="one")
    scheduling.submit("b", layer="one")
    scheduling.submit("c", client="another")
    assert places(scheduling, "c") == [2]


def test_a_job_for_which_a_worker_has_to_start_waits_for_no_other(scheduling):
    scheduling.left.available = scheduling.right.available = False
    scheduling.submit("a")
    scheduling.submit("b")
    assert (places(scheduling, "a"), places(scheduling, "b")) == ([], [1])


def test_a_daemon_that_ends_leaves_no_output_of_a_running_job_in_the_spool(scheduling):
    scheduling.submit("a")
    for path in (scheduling.left.specs[0].files.result, scheduling.left.specs[0].files.last_image):
        path.write_bytes(b"half of it")
    scheduling.scheduler.close()
    scheduling.store.close()
    assert [path.name for path in scheduling.jobs.blobs.folder.iterdir() if path.name.startswith("new-")] == []
