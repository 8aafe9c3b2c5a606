"""`velatura restyle --estimate` refuses what the restyle would refuse, in the same words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command_line import QUICK, Run


@pytest.fixture
def odd_files(files: Path) -> Path:
    """Files that cannot be restyled, each for its own reason."""
    Image.new("RGBA", (32, 24), (9, 9, 9, 0)).save(files / "clear.png")
    half = np.full((24, 32, 4), 200, np.uint8)
    half[:, :16, 3] = 0
    Image.fromarray(half).save(files / "half.png")  # transparent where mask.png is white
    Image.new("RGB", (128, 2)).save(files / "wide.png")
    Image.new("L", (32, 24), 0).save(files / "black.png")
    Image.new("L", (8, 8), 255).save(files / "small_mask.png")
    (files / "damaged.png").write_bytes((files / "photo.png").read_bytes()[:200])
    (files / "text.png").write_text("no picture")
    Image.new("RGB", (32, 24)).save(files / "taken.png")
    (files / "folder.png").mkdir()
    return files


# The arguments, the exit code, and a part of the sentence.
REFUSALS = (
    ("missing.png --style painting.png", 2, "missing.png"),
    ("damaged.png --style painting.png", 1, "damaged.png"),
    ("text.png --style painting.png", 1, "text.png"),
    ("clear.png --style painting.png", 1, "clear.png is fully transparent"),
    ("half.png --style painting.png --mask mask.png", 1, "fully transparent where the mask is white"),
    ("half.png --region mask.png painting.png", 1, "regions do not overlap"),
    ("photo.png --style clear.png", 1, "clear.png is fully transparent"),
    ("photo.png --style missing.png", 2, "missing.png"),
    ("photo.png --style painting.png --mask black.png", 1, "black.png is empty"),
    ("photo.png --style painting.png --mask small_mask.png", 1, "8 × 8"),
    ("photo.png --style painting.png -o taken.png", 2, "taken.png already exists"),
    ("photo.png --style painting.png -o folder.png", 2, "is a folder"),
    ("photo.png --style painting.png -o nowhere.xyz", 2, "must end in"),
    ("photo.png --style painting.png -o missing/out.png", 2, "does not exist"),
    ("wide.png --style painting.png -o out.webp --size 16400", 1, "16383"),
    ("photo.png --style painting.png --preview preview.gif", 2, "preview.gif must end in"),
    ("photo.png --style painting.png --preset nobody", 2, "nobody"),
    ("photo.png --style painting.png --strength 200", 2, "strength"),
    ("photo.png --style painting.png --weights nowhere.pt", 1, "nowhere.pt"),
    ("photo.png", 2, "No painting given"),
    ("photo.png taken.png --style painting.png", 2, "velatura batch"),
)


@pytest.mark.parametrize(("arguments", "code", "sentence"), REFUSALS, ids=[each[0] for each in REFUSALS])
def test_an_estimate_refuses_what_the_restyle_refuses(arguments, code, sentence, run: Run, odd_files: Path):
    words = [odd_files / word if "." in word or "/" in word else word for word in arguments.split()]
    before = sorted(odd_files.rglob("*"))
    estimated = run("restyle", *words, *QUICK, "--estimate")
    restyled = run("restyle", *words, *QUICK)
    assert sentence in restyled.stderr
    assert restyled.returncode == code
    assert (estimated.returncode, estimated.stderr, estimated.stdout) == (code, restyled.stderr, "")
    assert sorted(odd_files.rglob("*")) == before


def test_a_picture_over_the_limit_is_told_the_limit_and_both_ways_out(run: Run, warm, odd_files: Path):
    with warm.client() as client:
        limit = client.wait_until_ready().limits["max_megapixels"]
    side = 20_000 if limit < 400 else 30_000
    done = run("restyle", odd_files / "photo.png", "--style", odd_files / "painting.png", "--size", side, "--estimate")
    assert done.returncode == 1
    for part in (f"up to {limit:g}", "--size", "velatura daemon start --max-megapixels"):
        assert part in done.stderr
