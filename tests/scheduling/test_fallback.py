"""A provider that is lost: its jobs run on the fallback, or fail, and go back to it later."""

from __future__ import annotations

from tests.support.scheduling import CONTENT, TwoWorkers, job_count
from velatura.protocol import messages as p
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import CheckpointSaved, Heartbeat, Ready, WorkerInfo


def test_while_the_provider_is_lost_this_machine_works_and_then_the_provider_again(home):
    scheduling = TwoWorkers(home, fallback=True)
    scheduling.submit("a")
    scheduling.provider.lost = True
    scheduling.die(scheduling.left, sentence="The cluster does not answer.", blameless=True)
    assert scheduling.notices == ["The cluster does not answer. This machine continues the restyle."]
    assert job_count(scheduling.local) == 1
    scheduling.fail(scheduling.local)
    scheduling.provider.lost = False
    scheduling.submit("b")
    assert (job_count(scheduling.left) + job_count(scheduling.right), job_count(scheduling.local)) == (2, 1)


def test_each_client_reads_once_that_its_job_runs_on_the_fallback(home):
    scheduling = TwoWorkers(home, fallback=True, executor="ray", address="ray://there:10001")
    scheduling.provider.lost = True
    for job in ("a", "b"):
        scheduling.submit(job)
    scheduling.die(scheduling.local)
    for _ in ("a", "b"):
        scheduling.fail(scheduling.local)
    notices = scheduling.received(p.Notice)
    notified = [notice.job for notice in notices if "jobs run on this machine meanwhile" in notice.sentence]
    assert sorted(notified) == ["a", "b"]
    assert (
        scheduling.notices[0]
        == "The Ray cluster at ray://there:10001 cannot be reached; jobs run on this machine meanwhile."
    )


def test_without_a_fallback_all_waiting_jobs_fail_when_the_provider_is_lost(scheduling):
    scheduling.right.available = False
    for job in ("a", "b", "c"):
        scheduling.submit(job)
    scheduling.provider.lost = True
    scheduling.fail(scheduling.left, code="daemon_lost", sentence="It does not answer.")
    assert [(m.job, m.sentence) for m in scheduling.messages if isinstance(m, p.Failed)] == [
        (job, "It does not answer.") for job in "abc"
    ]
    assert job_count(scheduling.left) == 1


def test_a_failure_of_one_job_does_not_fail_the_waiting_ones(scheduling):
    scheduling.right.available = False
    for job in ("a", "b"):
        scheduling.submit(job)
    scheduling.fail(scheduling.left, code="daemon_lost", sentence="The daemon behind that one does not answer.")
    assert [m.job for m in scheduling.messages if isinstance(m, p.Failed)] == ["a"]


def test_a_picture_too_large_for_the_fallback_fails_and_its_progress_is_saved(home, monkeypatch):
    monkeypatch.setattr(DaemonConfig, "megapixels_here", CONTENT.width * CONTENT.height / 2e6)
    scheduling = TwoWorkers(home, fallback=True, executor="ray", address="ray://there:10001")
    scheduling.submit("a")
    scheduling.left.specs[0].files.checkpoint.write_bytes(b"image")
    scheduling.left.events.append(CheckpointSaved(scheduling.left.ticket, 0.5, 3))
    scheduling.scheduler.poll()
    scheduling.provider.lost = True
    scheduling.die(scheduling.left, sentence="The cluster does not answer.", blameless=True)
    (failed,) = [m for m in scheduling.messages if isinstance(m, p.Failed)]
    assert failed.code == "picture_too_large" and "22 × 16 would fit" in failed.sentence
    assert job_count(scheduling.local) == 0
    assert scheduling.jobs.status()["stopped_midway"] == 1
    assert scheduling.notices == []  # no notice says that this machine continues the restyle
    scheduling.jobs.resume(b"s", "client", "client", p.Resume("a", "client", "as_it_is"))
    assert job_count(scheduling.local) == 1  # that makes no step, and so needs no memory


def test_the_fallback_releases_its_device_while_the_provider_works_again(home):
    scheduling = TwoWorkers(home, fallback=True, executor="ray", address="ray://there:10001")
    scheduling.provider.lost = True
    scheduling.submit("a")
    scheduling.fail(scheduling.local)
    scheduling.provider.lost = False
    scheduling.submit("b")
    scheduling.left.pid = scheduling.right.pid = 0  # executors of other machines hold no device of this one
    for _ in range(601):
        scheduling.left.events.append(Ready(WorkerInfo(device="d", weights="w")))
        scheduling.advance(1)
    assert scheduling.scheduler.busy
    assert scheduling.local.released == 1


def test_a_provider_that_is_back_takes_waiting_jobs_without_a_new_request(home):
    scheduling = TwoWorkers(home, fallback=True)
    scheduling.provider.lost = True
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.advance(1)
    assert (job_count(scheduling.local), job_count(scheduling.left)) == (1, 0)
    scheduling.provider.lost = False
    scheduling.local.events.append(Heartbeat())
    scheduling.advance(1)
    assert (job_count(scheduling.local), job_count(scheduling.left)) == (1, 1)
