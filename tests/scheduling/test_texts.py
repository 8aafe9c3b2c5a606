"""What executors report reaches clients translatable, with what the scheduler adds to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.scheduling import CONTENT, Scheduling, TwoWorkers
from tests.support.texts import PROBLEM, SENTENCE, made_from
from velatura.i18n import Text
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura_daemon.jobs.events import Estimated, JobDone, JobFailed, JobNotice, WorkerGone


@pytest.fixture
def one(home: Path) -> Scheduling:
    scheduling = Scheduling(home)
    scheduling.submit()
    return scheduling


def last(one: Scheduling, kind: type[p.Message]) -> Any:
    """The last message of a kind, as a client receives it."""
    return codec.unpack(codec.pack(one.received(kind)[-1]))[0]


def parts_of(sentence: str) -> list[str]:
    """The messages of sentences that were joined."""
    assert isinstance(sentence, Text)
    return [sentence.values[name].message for name in ("first", "second")]


def test_why_a_job_failed(one):
    one.emit(JobFailed(one.executor.ticket, "bad_mask", SENTENCE))
    assert made_from(last(one, p.Failed).sentence) == made_from(SENTENCE)


def test_a_notice(one):
    one.emit(JobNotice(one.executor.ticket, SENTENCE))
    assert made_from(last(one, p.Notice).sentence) == made_from(SENTENCE)


def test_an_estimate(one):
    one.emit(Estimated(one.executor.ticket, 1.0, 2, 0, "cpu", SENTENCE))
    assert made_from(last(one, p.Estimate).sentence) == made_from(SENTENCE)


def finish_with_notes(one: Scheduling) -> None:
    spec = one.executor.specs[-1]
    spec.files.result.write_bytes(bytes(CONTENT.data))
    one.emit(JobDone(spec.ticket, CONTENT.ref, 0, 0, "w", SENTENCE, 1.0, 0.0, 0.0, "content", (SENTENCE, "plain")))


def test_the_notes_and_the_device_of_a_result(one):
    finish_with_notes(one)
    result = last(one, p.Result)
    assert [made_from(text) for text in (*result.notes, result.device)] == [
        made_from(SENTENCE),
        "plain",
        made_from(SENTENCE),
    ]


def test_the_notes_of_a_stored_result_after_a_restart(one, home):
    finish_with_notes(one)
    (result,) = Scheduling(home).store.results.of("client")
    assert [made_from(text) for text in (*result.notes, result.device)] == [
        made_from(SENTENCE),
        "plain",
        made_from(SENTENCE),
    ]


def test_why_a_worker_died(one):
    one.emit(WorkerGone(PROBLEM))
    assert made_from(last(one, p.Notice).sentence)[3] == {"how": made_from(PROBLEM)}


def test_what_becomes_of_a_job_whose_cluster_is_lost(home):
    scheduling = TwoWorkers(home, fallback=True, executor="ray", address="ray://there:10001")
    scheduling.submit()
    scheduling.provider.lost = True
    scheduling.die(scheduling.left, sentence=PROBLEM, blameless=True)
    assert parts_of(last(scheduling, p.Notice).sentence) == [PROBLEM.message, "This machine continues the restyle."]


def test_what_becomes_of_a_job_whose_cluster_cannot_be_reached(home):
    scheduling = TwoWorkers(home, fallback=True, executor="ray", address="ray://there:10001")
    scheduling.submit()
    scheduling.provider.lost = True
    scheduling.fail(scheduling.left, "daemon_lost", PROBLEM)
    assert parts_of(last(scheduling, p.Notice).sentence) == [PROBLEM.message, "This machine does the work meanwhile."]
