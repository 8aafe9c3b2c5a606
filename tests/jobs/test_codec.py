"""Specs and events survive the pipe, whatever their fields hold."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from velatura.pixels import CHANNELS, PictureRef, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.executors.ray.job_files import for_transfer, on_arrival
from velatura_daemon.jobs.commands import Begin, Cancel, Estimate, Run, SetMemory, WorkerOptions
from velatura_daemon.jobs.events import JobDone, JobFailed, SavedImage, WorkerGone, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec, OutputPaths, PictureFile, StartingImage, StyleInput
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
    start=some.none() | some.builds(StartingImage, paths, some.integers(0, 500), some.booleans()),
    outputs=some.builds(OutputPaths, paths, paths, paths),
)


@given(specs)
def test_a_job_arrives_as_it_was_sent(spec):
    assert COMMANDS.unpack(COMMANDS.pack(Run(spec))) == Run(spec)


@pytest.mark.parametrize(
    "command",
    [
        Begin(WorkerOptions("cpu", 1, 0, 64, 512, 0.5, 5.0)),
        Estimate(EstimateRequest("t", 8, 9, StyleSettings())),
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
