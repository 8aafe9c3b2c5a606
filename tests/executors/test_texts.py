"""Sentences from other processes and machines reach the scheduler translatable."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.support.texts import PROBLEM, SENTENCE, made_from
from velatura.app_dirs import app_dirs
from velatura.i18n import lazy_text
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura_daemon.executors.local import _cause_of_death
from velatura_daemon.executors.ray.messages import (
    ALL_WORKERS,
    FROM_ACTOR,
    FROM_DRIVER,
    ActorEvent,
    ClusterUnreachable,
    FromDriver,
)
from velatura_daemon.executors.remote.request import MAX_NOTE, MAX_SENTENCE, estimated, notes_of, shortened
from velatura_daemon.executors.remote.routes import FileRoute
from velatura_daemon.executors.remote.ssh import FAILURES, explain
from velatura_daemon.executors.remote.tunnel import SshTunnel
from velatura_daemon.jobs.events import JobFailed, JobNotice, WorkerGone
from velatura_daemon.remote_target import parse_target

TARGET = parse_target("me@box")


def as_received(message: p.Message) -> Any:
    """A message as another daemon's arrives."""
    return codec.unpack(codec.pack(message))[0]


# --- this machine ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", [-9, -6, 1, 3])
def test_why_a_worker_of_this_machine_died_can_be_translated(code):
    cause = _cause_of_death(code)
    assert made_from(cause)[1] and made_from(cause)[0] == str(cause)


# --- Ray -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("event", [JobFailed("t", "disk", SENTENCE), JobNotice("t", SENTENCE)])
def test_a_sentence_from_an_actor_stays_translatable(event):
    on_the_driver = FROM_ACTOR.unpack(FROM_ACTOR.pack(ActorEvent(event))).event
    here = FROM_DRIVER.unpack(FROM_DRIVER.pack(FromDriver(0, on_the_driver))).event
    assert made_from(here.sentence) == made_from(SENTENCE)


@pytest.mark.parametrize("event", [ClusterUnreachable(SENTENCE, 5.0), WorkerGone("it ended", SENTENCE)])
def test_a_sentence_of_the_driver_stays_translatable(event):
    here = FROM_DRIVER.unpack(FROM_DRIVER.pack(FromDriver(ALL_WORKERS, event))).event
    assert made_from(here.sentence) == made_from(SENTENCE)


def test_the_problem_with_a_node_stays_translatable_on_its_way_through_ray():
    begun = pickle.loads(pickle.dumps({"node": "10.0.0.1", "problem": SENTENCE}))
    assert made_from(begun["problem"]) == made_from(SENTENCE)


# --- another daemon --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "message",
    [p.Failed("job", "disk", SENTENCE), p.Notice("job", SENTENCE), p.Estimate("t", 1.0, 2, 0, "cpu", SENTENCE)],
)
def test_a_sentence_of_another_daemon_stays_translatable(message):
    assert made_from(shortened(as_received(message)).sentence) == made_from(SENTENCE)


def test_a_sentence_too_long_to_be_sent_on_is_cut():
    long = lazy_text("There is no {name}.", name="x" * MAX_SENTENCE)
    assert made_from(shortened(as_received(p.Notice("job", long))).sentence) == str(long)[:MAX_SENTENCE]


def test_the_notes_of_another_daemon_stay_translatable():
    long = lazy_text("There is no {name}.", name="x" * MAX_NOTE)
    result = p.Result("job", "layer", {}, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", {}, [SENTENCE, "plain", long])
    received = [made_from(note) for note in notes_of(as_received(result))]
    assert received == [made_from(SENTENCE), "plain", str(long)[:MAX_NOTE]]


def test_an_estimate_of_another_machine_names_it_and_stays_translatable():
    event = p.Estimate("there", 20.0, 2, 0, "cpu", lazy_text("About {gb:.1f} GB.", gb=1.5))
    sentence = estimated(as_received(event), "here", "me@box").sentence
    assert sentence == "me@box: About 1.5 GB."
    assert made_from(sentence)[3] == {"machine": "me@box", "estimate": made_from(event.sentence)}


def test_why_there_is_no_estimate_is_sent_on_as_it_is():
    event = p.Estimate("there", -1.0, 0, 0, "", PROBLEM)
    assert made_from(estimated(as_received(event), "here", "me@box").sentence) == made_from(PROBLEM)


def test_a_lost_daemon_is_named_in_a_translatable_sentence(home: Path):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    lost = lazy_text("The daemon {daemon} does not answer.")
    for route, name in (
        (SshTunnel("ssh", TARGET, dirs), "on me@box"),
        (FileRoute(home / "c.json"), f"of {home / 'c.json'}, which does this daemon's work,"),
    ):
        error = route.lost(lost)
        first = error.sentence.values["first"]
        assert error.sentence.startswith(f"The daemon {name} does not answer. ")
        assert (first.message, str(first.values["daemon"])) == (lost.message, name)


@pytest.mark.parametrize(("pattern", "may_pass", "sentence"), FAILURES)
def test_what_ssh_says_becomes_a_translatable_sentence(pattern, may_pass, sentence):
    said = {str(failure[2]): line for failure, line in zip(FAILURES, SAID, strict=True)}[str(sentence)]
    failure = explain(f"{said}\r\n", TARGET)
    assert (failure.sentence.message, failure.may_pass) == (sentence.message, may_pass)
    assert failure.sentence.values["host"] == "box"


SAID = (  # lines of OpenSSH, in the order of FAILURES
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
    "Host key verification failed.",
    "me@box: Permission denied (publickey).",
    "ssh: Could not resolve hostname box: Temporary failure in name resolution",
    "ssh: Could not resolve hostname box: Name or service not known",
    "ssh: connect to host box port 22: Connection refused",
    "ssh: connect to host box port 22: No route to host",
    "channel 2: open failed: administratively prohibited: open failed",
    "Could not request local forwarding.",
    "/home/me/.ssh/config: line 1: Bad configuration option: nonsense",
    "kex_exchange_identification: Connection closed by remote host",
)
