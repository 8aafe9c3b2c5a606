"""The order of a batch's work, with a client that needs no daemon."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.support.returning_daemon import Daemon
from velatura.client.events import SavedItems
from velatura.errors import UnknownBlob
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.batch.file_hashes import hash_of_file
from velatura_daemon.batch.frames import frames_for
from velatura_daemon.batch.manifest import Manifest
from velatura_daemon.batch.recipe import recipe_of
from velatura_daemon.batch.runner import BatchRun
from velatura_daemon.terminal.options import RestyleOptions
from velatura_daemon.terminal.style_options import parse_paintings


class Quiet:
    def __getattr__(self, name: str):
        return lambda *_: None


def draw(path: Path, seed: int) -> Path:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)).save(path)
    return path


@pytest.mark.parametrize("job_is_known", [True, False])
def test_a_saved_result_that_is_gone_when_it_is_fetched_is_made_again(job_is_known, tmp_path):
    photos = [draw(tmp_path / f"{number}.png", number) for number in range(3)]
    paintings = parse_paintings([str(draw(tmp_path / "painting.png", 9))], [], [])
    recipe = recipe_of(paintings, StyleSettings(), RestyleOptions(), "auto", 64.0)
    frames = frames_for(photos, tmp_path / "out")
    note = json.dumps({"batch": recipe.key_with(hash_of_file(photos[1])), "output": str(frames[1].output)})

    class Forgetful(Daemon):
        def request_saved(self) -> None:
            self.fetched = []
            self.events.append(SavedItems([SimpleNamespace(note=note, finished=True, job="saved", result=None)]))

        def fetch(self, item) -> None:
            self.fetched.append(item.job)
            job = item.job if job_is_known else ""
            self.events.append(p.Failed(job, UnknownBlob.code, "The daemon has no such result."))

    client = Forgetful()
    with Manifest(tmp_path / "out") as manifest:
        run = BatchRun(client, lambda _: recipe, manifest, Quiet(), force=False)  # type: ignore[arg-type]
        outcome = run.run(frames)
    assert client.fetched == ["saved"]
    assert (len(outcome.made), outcome.failed, len(client.requests)) == (3, [], 3)
