"""When the disk space is full, only the client that needs space loses saved work, its oldest, and never in vain."""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.conftest import picture
from tests.support.texts import made_from
from velatura.app_dirs import app_dirs
from velatura.errors import BadMessage, TooBusy, VelaturaError
from velatura.pixels import PictureRef, PixelFormat
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura_daemon.clock import Clock
from velatura_daemon.jobs.events import CheckpointSaved, JobDone
from velatura_daemon.jobs.job import Job
from velatura_daemon.jobs.validation import job_from
from velatura_daemon.storage import quota
from velatura_daemon.storage.job_store import JobStore
from velatura_daemon.storage.records import Key

SIDE = 10  # pixels of a content: 300 bytes, and 1200 for its checkpoint's image
CONTENT_BYTES, IMAGE_BYTES = 3 * SIDE * SIDE, 12 * SIDE * SIDE
STOPPED_BYTES = CONTENT_BYTES + IMAGE_BYTES


class Store:
    """A job store, and jobs whose styles are their contents."""

    def __init__(self, home: Path, budget: int) -> None:
        self.store = JobStore(app_dirs({"VELATURA_HOME": str(home)}), budget, Clock())
        self.numbers = itertools.count()

    def job(self, client: str, name: str = "", side: int = SIDE) -> Job:
        """A job in the queue, without its pictures."""
        content = picture(side, side, seed=next(self.numbers)).ref.to_wire()
        name = name or f"job {next(self.numbers)}"
        request = p.Restyle(name, name, content, [{"picture": content}], None, {})
        job = job_from(request, b"s", client, f"program of {client}", float("inf"))
        job.missing = set(job.blobs)
        self.store.blobs.pin(job.blobs)
        self.store.added(job)
        return job

    def upload(self, job: Job) -> None:
        upload = self.store.begin_upload(job, job.content.length)
        upload.write(memoryview(bytes(job.content.length)))
        self.store.blobs.finish(job.content.blob, upload)
        job.missing = set()

    def checkpoint(self, job: Job) -> bool:
        self.store.checkpoints.image_path((job.client_id, job.id)).write_bytes(b"image")
        return self.store.checkpoint_saved(job, CheckpointSaved("t", 0.5, 3, b"", ()))

    def finish(self, job: Job, data: bytes) -> None:
        path = self.store.blobs.fresh_path()
        path.write_bytes(data)
        ref = PictureRef(hashlib.sha256(data).digest(), SIDE, SIDE, PixelFormat("RGB"))
        self.store.blobs.adopt(ref.blob, path)
        done = JobDone("t", ref, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content")
        message = p.Result(job.id, job.layer, ref.to_wire(), 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", {}, [])
        self.store.finished(job, message, done)

    def leave(self, job: Job) -> None:
        self.store.blobs.unpin(job.blobs)
        self.store.stopped(job)

    def stopped(self, client: str, name: str = "") -> Key:
        """A stopped restyle."""
        job = self.job(client, name)
        self.upload(job)
        assert self.checkpoint(job)
        self.leave(job)
        return client, job.id

    def finished(self, client: str) -> Key:
        """A result."""
        job = self.job(client)
        self.upload(job)
        self.finish(job, next(self.numbers).to_bytes(3, "big") * (CONTENT_BYTES // 3))
        self.leave(job)
        return client, job.id

    @property
    def saved(self) -> set[Key]:
        """What is saved of restyles that do not run."""
        saved = [*self.store.results.records, *self.store.checkpoints.records]
        return {key for key in saved if key not in self.store.active}


def test_an_upload_that_cannot_fit_deletes_nobodys_work(home):
    store = Store(home, 4 * STOPPED_BYTES)
    kept = {store.stopped("krita") for _ in range(3)}
    with pytest.raises(TooBusy):
        store.upload(store.job("gimp", side=30))
    with pytest.raises(TooBusy):
        store.upload(store.job("krita", side=60))
    assert store.saved == kept


def test_the_refusal_says_who_holds_the_space_and_how_to_free_it(home):
    store = Store(home, 3 * STOPPED_BYTES)
    store.stopped("krita"), store.stopped("krita"), store.finished("cli")
    with pytest.raises(TooBusy) as refused:
        store.upload(store.job("gimp", side=30))
    for part in ("2 stopped restyles from 'program of krita'", "1 result from 'program of cli'", "'velatura results'"):
        assert part in refused.value.sentence
    assert "'velatura forget'" in refused.value.sentence and "--spool-megabytes" in refused.value.sentence


def test_the_longest_refusal_reaches_a_client_translatable(home):
    store = Store(home, 5 * STOPPED_BYTES)
    for client in "abcde":
        store.stopped(client)
    with pytest.raises(TooBusy) as raised:
        store.upload(store.job("new"))
    sentence = raised.value.sentence
    assert "more from other programs" in sentence
    received, _ = codec.unpack(codec.pack(p.Failed("job", "too_busy", sentence)))
    assert made_from(received.sentence) == made_from(sentence)


def test_an_upload_that_does_not_fit_leaves_pictures_that_nobody_needs(home):
    store = Store(home, 2 * STOPPED_BYTES)
    cached = store.job("gimp")
    store.upload(cached)
    store.leave(cached)
    with pytest.raises(TooBusy):
        store.upload(store.job("gimp", side=60))
    assert cached.content.blob in store.store.blobs


def test_the_oldest_stopped_restyle_of_the_same_client_gives_way_and_only_it(home):
    store = Store(home, 3 * STOPPED_BYTES + CONTENT_BYTES - 1)
    others, oldest, newest = store.stopped("gimp"), store.stopped("krita"), store.stopped("krita")
    store.upload(store.job("krita"))
    assert store.saved == {others, newest} and oldest not in store.store.checkpoints.records


def test_a_checkpoint_for_which_there_is_no_space_is_not_saved_and_the_others_stay(home):
    store = Store(home, 2 * STOPPED_BYTES + CONTENT_BYTES)
    kept = {store.stopped("gimp"), store.stopped("gimp")}
    job = store.job("krita")
    store.upload(job)
    with pytest.raises(TooBusy, match="stopped restyles from 'program of gimp'"):
        store.checkpoint(job)
    assert store.saved == kept
    assert not store.store.checkpoints.image_path(("krita", job.id)).exists()


def test_checkpoints_count_by_the_size_that_their_image_can_reach(home):
    store = Store(home, 10 * STOPPED_BYTES)
    store.stopped("krita")
    assert store.store.blobs.bytes_in_use == STOPPED_BYTES
    store.store.drop(next(iter(store.saved)))
    assert store.store.blobs.bytes_in_use == 0


def test_results_of_other_clients_stay_when_results_fill_half_of_the_space(home):
    store = Store(home, 4 * CONTENT_BYTES)
    kept = {store.finished("gimp"), store.finished("gimp")}
    with pytest.raises(TooBusy, match="2 results from 'program of gimp'"):
        store.finished("krita")
    assert store.saved == kept


def test_the_oldest_result_of_the_same_client_gives_way_at_half_of_the_space(home):
    store = Store(home, 6 * CONTENT_BYTES)
    others, oldest, newer = store.finished("gimp"), store.finished("krita"), store.finished("krita")
    newest = store.finished("krita")
    assert store.saved == {others, newer, newest} and oldest not in store.store.results.records


def test_a_single_result_may_have_more_than_half_of_the_space(home):
    store = Store(home, int(1.5 * CONTENT_BYTES))
    only = store.finished("krita")
    assert store.saved == {only}


def test_the_number_of_saved_works_is_limited_too(home, monkeypatch):
    monkeypatch.setattr(quota, "MAX_SAVED", 3)
    store = Store(home, 1 << 20)
    oldest, kept = store.stopped("krita"), {store.stopped("gimp"), store.finished("gimp")}
    job = store.job("cli")
    store.upload(job)
    with pytest.raises(TooBusy, match="keeps up to 3"):
        store.checkpoint(job)
    newer = store.stopped("krita")
    assert store.saved == {*kept, newer} and oldest not in store.saved


def test_nothing_is_deleted_for_a_number_of_works_if_there_is_no_space_either(home, monkeypatch):
    monkeypatch.setattr(quota, "MAX_SAVED", 2)
    store = Store(home, 3 * STOPPED_BYTES)
    kept = {store.stopped("gimp"), store.finished("krita")}
    job = store.job("krita", side=20)
    store.upload(job)
    with pytest.raises(TooBusy):
        store.checkpoint(job)
    assert store.saved == kept


def test_a_result_takes_the_place_of_its_checkpoint(home, monkeypatch):
    monkeypatch.setattr(quota, "MAX_SAVED", 2)
    store = Store(home, 1 << 20)
    kept = store.stopped("gimp")
    job = store.job("krita")
    store.upload(job)
    store.checkpoint(job)
    store.finish(job, bytes(CONTENT_BYTES))
    assert store.saved == {kept, ("krita", job.id)}


def test_uploads_of_two_daemons_never_have_the_same_name(home):
    """An older one that is about to end shares the folder with a newer one."""
    path = Store(home, 1 << 20).store.blobs.fresh_path()
    assert str(os.getpid()) in path.name


def test_a_restyle_taken_over_from_another_client_does_not_replace_ones_own(home):
    store = Store(home, 1 << 20)
    kept = {store.stopped("krita", "same"), store.stopped("gimp", "same")}
    with pytest.raises(BadMessage):
        store.store.checkpoints.take_up(("krita", "same"), b"s", "gimp")
    assert store.saved == kept


actions = some.sampled_from(["upload", "checkpoint", "finish", "leave", "end"])
steps = some.lists(
    some.tuples(some.sampled_from(["krita", "gimp", "cli"]), actions, some.integers(2, 24)), min_size=5, max_size=40
)


@given(steps)
def test_no_clients_work_disappears_because_of_another(steps):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), 3 * STOPPED_BYTES)
        jobs: dict[str, list[Job]] = {"krita": [], "gimp": [], "cli": []}
        for client, action, side in steps:
            before, refused = store.saved, False
            try:
                if action == "upload":
                    jobs[client].append(store.job(client, side=side))
                    store.upload(jobs[client][-1])
                elif jobs[client]:
                    job = jobs[client][-1]
                    if action == "checkpoint" and not job.missing:
                        store.checkpoint(job)
                    elif action == "finish" and not job.missing:
                        store.finish(job, next(store.numbers).to_bytes(3, "big") * side)
                    if action in ("finish", "leave", "end"):
                        store.leave(jobs[client].pop())
                    if action == "end":
                        before.discard((client, job.id))
                        store.store.ended(job)
            except VelaturaError as error:
                assert isinstance(error, TooBusy)
                refused = True
            lost = before - store.saved
            assert {owner for owner, _ in lost} <= {client}
            assert not (refused and lost)
            jobs = {name: [job for job in own if (name, job.id) in store.store.active] for name, own in jobs.items()}
            assert sum(map(store.store.blobs.size_of, store.store.blobs.pins)) <= 2 * 3 * STOPPED_BYTES
        store.store.close()
