"""`velatura restyle` with --region and --part."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.command_line import QUICK, Run, restyled


def by_regions(run: Run, files: Path, *arguments: object) -> np.ndarray:
    """Restyle a grey photo with these arguments. Returns (72, 96, 3) floats. The distance of moments needs fewer steps
    for colours."""
    grey = np.random.default_rng(5).integers(90, 160, (72, 96, 1), np.uint8).repeat(3, axis=2)
    Image.fromarray(grey).save(files / "grey.png")
    done = run(
        "restyle",
        files / "grey.png",
        *arguments,
        "-o",
        files / "out.png",
        "--force",
        "--json",
        "--quality",
        "draft",
        "--iterations",
        "40",
        "--style-distance",
        "moments",
        "--strength",
        "90",
    )
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(files / "out.png")).astype(float)


def redness(pixels: np.ndarray) -> float:
    return float((pixels[..., 0] - pixels[..., 2]).mean())


def test_a_region_gets_its_painting_and_the_rest_gets_the_style(run, large_halves):
    for name, channel in (("red", 0), ("blue", 2)):
        pixels = np.random.default_rng(channel).integers(0, 60, (96, 96, 3), np.uint8)
        pixels[..., channel] += 190
        Image.fromarray(pixels).save(large_halves / f"all-{name}.png")
    out = by_regions(
        run,
        large_halves,
        "--style",
        large_halves / "all-blue.png",
        "--region",
        large_halves / "left.png",
        large_halves / "all-red.png",
    )
    assert redness(out[:, :36]) > 20
    assert redness(out[:, 60:]) < -20


def test_a_region_alone_needs_no_style_and_names_the_result(run, halves):
    done = run(
        "restyle",
        halves / "photo.png",
        "--region",
        halves / "left.png",
        f"{halves / 'painting.png'}:0.5",
        "--json",
        *QUICK,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["output"] == str(halves / "photo-in-painting.png")


def test_outside_all_regions_nothing_changes_if_there_is_no_style(run, large_halves):
    soft = np.linspace(255, 0, 72).astype(np.uint8)[None, :].repeat(72, axis=0)
    region = np.concatenate([np.full((72, 12), 255, np.uint8), soft[:, :48], np.zeros((72, 36), np.uint8)], axis=1)
    Image.fromarray(region).save(large_halves / "soft.png")
    out = by_regions(run, large_halves, "--region", large_halves / "soft.png", large_halves / "painting.png")
    change = np.abs(out - np.asarray(Image.open(large_halves / "grey.png"))).mean((0, 2))
    assert (change[60:] == 0).all()
    assert change[:12].mean() > 2 * change[48:60].mean() > 0


def test_a_region_mask_has_the_size_of_the_photo_even_with_another_size(run, halves):
    restyled(
        run, halves, "-o", halves / "out.png", "--size", "16", "--region", halves / "left.png", halves / "colours.png"
    )
    assert Image.open(halves / "out.png").size == (16, 12)


def test_only_the_white_part_of_a_painting_is_used(run, large_halves):
    colours = large_halves / "colours.png"
    red, blue = (
        by_regions(run, large_halves, "--style", colours, "--part", colours, large_halves / f"{n}.png")
        for n in ("red", "blue")
    )
    assert redness(red) > 20
    assert redness(blue) < -20


def test_each_use_of_a_painting_can_have_its_own_part(run, large_halves):
    colours = large_halves / "colours.png"
    out = by_regions(
        run,
        large_halves,
        "--region",
        large_halves / "left.png",
        colours,
        "--region",
        large_halves / "right.png",
        colours,
        "--part",
        colours,
        large_halves / "red.png",
        "--part",
        colours,
        large_halves / "blue.png",
    )
    assert redness(out[:, :36]) > 20
    assert redness(out[:, 60:]) < -20
