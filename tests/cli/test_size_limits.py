"""The command line reads no larger pictures than the daemon accepts, and says so before it decodes them."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from tests.support.bombs import png


@pytest.fixture(scope="module", autouse=True)
def limited(warm):
    """A daemon that accepts 0.01 megapixels."""
    warm.options = ("--max-megapixels", "0.01")
    with warm.client() as client:
        client.wait_until_ready()


@pytest.fixture
def pictures(files):
    (files / "large.png").write_bytes(png(200, 100, b"not decoded"))  # its pixels are not even there
    (files / "huge.png").write_bytes(png(10_000, 10_000, b"not decoded"))
    return files


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["large.png", "--style", "painting.png"], r"0\.0 megapixels \(200 × 100\); up to 0\.01 are allowed"),
        (["large.png", "--style", "painting.png", "--estimate"], r"up to 0\.01 are allowed"),
        (["photo.png", "--style", "huge.png"], r"100\.0 megapixels .* up to 64 are allowed"),
        (["photo.png", "--style", "painting.png", "--size", "100000", "--estimate"], "After scaling"),
    ],
)
def test_a_picture_beyond_the_daemons_limit_is_refused_from_its_header(run, pictures, arguments, expected):
    words = [str(pictures / word) if word.endswith(".png") else word for word in arguments]
    done = run("restyle", *words)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(expected, done.stderr), done.stderr


def test_a_batch_refuses_the_pictures_that_are_too_large(run, pictures):
    (pictures / "frames").mkdir()
    (pictures / "large.png").rename(pictures / "frames" / "large.png")
    done = run("batch", pictures / "frames", "--style", pictures / "painting.png")
    assert done.returncode == 1
    assert "up to 0.01 are allowed" in done.stderr + done.stdout


def test_a_style_that_does_not_exist_is_reported(run, files):
    Image.new("RGB", (4, 4)).save(files / "a.png")
    done = run("restyle", files / "a.png", "--style", files / "nothere.png")
    assert done.returncode == 2
    assert "nothere.png" in done.stderr
