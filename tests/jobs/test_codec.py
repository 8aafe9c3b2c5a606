"""Specs and events survive the pipe, whatever their fields hold."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.support.texts import SENTENCE, made_from, texts
from velatura.pixels import CHANNELS, PictureRef, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.executors.ray.job_files import for_transfer, on_arrival
from velatura_daemon.jobs.commands import Begin, Cancel, Estimate, Run, SetMemory, WorkerOptions
from velatura_daemon.jobs.events import (
    Estimated,
    JobDone,
    JobFailed,
    JobNotice,
    Ready,
    SavedImage,
    WorkerGone,
    WorkerInfo,
    text_of,
)
from velatura_daemon.jobs.spec import (
    EstimateRequest,
    JobSpec,
    OutputPaths,
    PictureFile,
    PreviousInput,
    StartingImage,
    StyleInput,
    View,
)
from velatura_daemon.memory_plan import Inputs
from velatura_daemon.worker.pipe import COMMANDS, EVENTS

blobs = some.binary(min_size=32, max_size=32)
names = some.text(max_size=20)
paths = some.binary(min_size=1, max_size=20).map(lambda raw: Path(os.fsdecode(raw.replace(b"\0", b"x"))))
formats = some.builds(PixelFormat, some.sampled_from(sorted(CHANNELS)), some.just("u8"))
refs = some.builds(PictureRef, blobs, some.integers(2, 9000), some.integers(2, 9000), formats, some.just(b"") | blobs)
settings = some.builds(
    StyleSettings, strength=some.integers(0, 100), quality=some.sampled_from(["draft", "good", "best"])
)


@some.composite
def files(draw) -> PictureFile:
    ref = draw(refs)
    return PictureFile(ref, draw(paths), draw(paths) if ref.profile else None)


styles = some.builds(StyleInput, files(), some.floats(0.1, 9), some.none() | files())
specs = some.builds(
    JobSpec,
    ticket=names,
    layer=names,
    content=files(),
    styles=some.lists(styles, min_size=1, max_size=3).map(tuple),
    mask=some.none() | files(),
    settings=settings,
    weights=names,
    device=names,
    start=some.none()
    | some.builds(StartingImage, paths, some.integers(0, 500), some.booleans(), content=some.none() | refs),
    previous=some.lists(some.builds(PreviousInput, files(), files()), max_size=4).map(tuple),
    view=some.none() | some.builds(View, *[some.integers(0, 9000)] * 4),
    outputs=some.builds(OutputPaths, paths, paths, paths),
)


@given(specs)
def test_a_job_arrives_as_it_was_sent(spec):
    assert COMMANDS.unpack(COMMANDS.pack(Run(spec))) == Run(spec)


@pytest.mark.parametrize(
    "command",
    [
        Begin(WorkerOptions("cpu", 1, 0, 64, 512, 0.5, 5.0)),
        Estimate(EstimateRequest("t", 8, 9, StyleSettings(), inputs=Inputs((100, 400), 2))),
        Cancel("t"),
        SetMemory(100),
    ],
)
def test_every_command_arrives_as_it_was_sent(command):
    assert COMMANDS.unpack(COMMANDS.pack(command)) == command


@given(refs, some.lists(names).map(tuple), some.none() | some.builds(SavedImage, blobs, some.integers(0, 500)))
def test_a_result_arrives_as_it_was_sent(ref, notes, image):
    done = JobDone("t", ref, 1, 2, "w", "d", 1.5, 0.1, 0.2, "content", notes, b"jpeg", (b"", b"x"), image)
    assert EVENTS.unpack(EVENTS.pack(done)) == done


@pytest.mark.parametrize("packed", [b"\x80", b"\x81\xa4type\xa4Work", b"\xc0", EVENTS.pack(WorkerGone("how"))])
def test_an_unknown_command_is_refused(packed):
    with pytest.raises(ValueError):
        COMMANDS.unpack(packed)


def test_a_status_shows_only_what_is_known_of_a_worker():
    assert WorkerInfo("warm", "cpu", targets=0).known() == {"state": "warm", "device": "cpu", "targets": 0}


@given(specs, names.filter(len))
def test_no_name_or_path_of_this_machine_travels_to_another(spec, secret):
    hidden = f"/secret {secret}"
    travelling, _ = for_transfer(JobSpec(**{**_values(spec), "layer": hidden}))
    packed = COMMANDS.pack(Run(travelling))
    for item in [*spec.inputs, *([spec.outputs.result] if spec.outputs else [])]:
        path = item if isinstance(item, Path) else item.file
        assert len(os.fsencode(path)) < 8 or os.fsencode(path) not in packed
    assert hidden.encode() not in packed
    assert all(item.path is None for item in travelling.inputs)


@given(specs)
def test_a_job_that_has_travelled_finds_its_files_by_their_hashes(spec):
    travelling, known = for_transfer(spec)
    arrived = on_arrival(travelling, lambda blob: Path("there") / blob.hex(), Path("out"))
    assert [item.picture for item in arrived.inputs] == [item.picture for item in spec.inputs]
    assert {path.name for item in arrived.inputs for path in item.files.values()} <= {blob.hex() for blob in known}
    assert arrived.files.result.parent == Path("out")


@pytest.mark.parametrize("ticket", ["7", "/0", "../x", "a/b", "\0", "\ud800", ""])
def test_output_files_are_directly_in_their_folder_whatever_the_ticket(ticket):
    paths = OutputPaths.in_folder(Path("out"), ticket)
    assert {path.parent for path in (paths.result, paths.last_image, paths.checkpoint)} == {Path("out")}
    assert "\0" not in str(paths.result)


def test_every_event_of_a_job_has_its_ticket_first():
    assert next(iter(fields(JobFailed))).name == "ticket"


def _values(spec: JobSpec) -> dict:
    return {field.name: getattr(spec, field.name) for field in fields(spec)}


@given(texts())
def test_sentences_of_events_arrive_translatable(sentence):
    for event in (
        JobFailed("t", "bad_mask", sentence),
        JobNotice("t", sentence),
        Estimated.unknown("t", sentence),
        WorkerGone("it ended", sentence),
    ):
        assert made_from(EVENTS.unpack(EVENTS.pack(event)).sentence) == made_from(sentence)


@given(texts(), names)
def test_the_notes_of_a_result_arrive_translatable(note, plain):
    done = JobDone(
        "t",
        PictureRef(bytes(32), 2, 2, PixelFormat("RGB", "u8")),
        0,
        0,
        "w",
        note,
        1.0,
        0.0,
        0.0,
        "content",
        (note, plain),
    )
    arrived = EVENTS.unpack(EVENTS.pack(done))
    assert [made_from(text) for text in (*arrived.notes, arrived.device)] == [made_from(note), plain, made_from(note)]


@given(texts())
def test_why_a_worker_died_arrives_translatable(how):
    assert made_from(EVENTS.unpack(EVENTS.pack(WorkerGone(how))).how) == made_from(how)


@given(texts())
def test_the_state_and_device_of_a_worker_arrive_translatable(text):
    info = EVENTS.unpack(EVENTS.pack(Ready(WorkerInfo(text, text)))).info
    assert [made_from(info.state), made_from(info.device)] == 2 * [made_from(text)]


@given(texts().filter(len))
def test_what_a_status_says_of_a_worker_can_be_translated(text):
    worker = msgpack.unpackb(msgpack.packb(WorkerInfo(text, "cpu").known()))
    assert made_from(text_of(worker, "state")) == made_from(text)
    assert (text_of(worker, "device"), text_of(worker, "weights", "–")) == ("cpu", "–")


def test_a_status_of_an_older_daemon_is_read_in_english():
    assert made_from(text_of({"state": str(SENTENCE)}, "state")) == str(SENTENCE)
