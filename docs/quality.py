"""Makes the pictures of quality.md and prints its figures: `make quality`, or `python docs/quality.py NAME…` for some of them.

Scenes are Velatura's own and scikit-image's; paintings are Velatura's own. `peers` compares with other programs and needs
--neural-style-pt FOLDER, a checkout of ProGamerGov/neural-style-pt.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import skimage.data
import torch
from PIL import Image
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon import samples
from velatura_daemon.bench.judge import judge
from velatura_daemon.bench.quality import (
    Pictures,
    Restyled,
    as_image,
    as_tensor,
    cell,
    judging_network,
    restyle_all,
    restyled,
    run_as_a_worker,
    sample_pictures,
    sheet_of,
    table,
)
from velatura_daemon.cli.sheets import contact_sheet
from velatura_daemon.engine.network import INDEX_OF, LAYERS
from velatura_daemon.weights.check import load_tensors
from velatura_daemon.weights.vgg19 import dequantised, vgg19_file

HERE = Path(__file__).parent
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")  # scikit-image's, free to show: NASA, CC0
SHEET_SIDE, SIDE, PEER_SIDE = 256, 320, 512  # pixels, longest side
STRENGTHS = (0, 25, 50, 75, 100)
PAIRS = (("astronaut", "night_swirls"), ("harbour_town", "ember_waves"))


def scenes(size: int) -> Pictures:
    """Two drawn scenes, a portrait, an animal, a still life, and a rocket in a flat evening sky."""
    photographs = {name: as_tensor(getattr(skimage.data, name)(), size) for name in PHOTOGRAPHS}
    return {**sample_pictures(samples.SCENES, size), **photographs}


def paintings(size: int) -> Pictures:
    return sample_pictures(samples.PAINTINGS, size)


def save(name: str, image: Image.Image) -> None:
    path = HERE / f"quality-{name}.jpg"
    image.save(path, quality=88)
    click.echo(f"  {path.name}: {path.stat().st_size / 1000:.0f} kB")


def sheet() -> None:
    """Six scenes in six paintings, good, strength 50."""
    contents, styles = scenes(SHEET_SIDE), paintings(SHEET_SIDE)
    results = list(restyle_all(contents, styles, StyleSettings(quality="good")))
    table(results, click.echo)
    save("sheet", sheet_of(contents, styles, results, SHEET_SIDE, SHEET_SIDE * 3 // 4))


def one(pair: tuple[str, str], size: int, **settings: object) -> Restyled:
    content, style = ({pair[0]: scenes(size)[pair[0]]}, {pair[1]: paintings(size)[pair[1]]})
    (result,) = restyle_all(content, style, StyleSettings(**settings))  # type: ignore[arg-type]
    return result


def strengths() -> None:
    rows = []
    for pair in PAIRS:
        results = [one(pair, SIDE, strength=strength) for strength in STRENGTHS]
        table(results, click.echo)
        rows.append([cell(item.result, f"{strength}: {item.marks}") for strength, item in zip(STRENGTHS, results, strict=True)])
    save("strengths", as_image(contact_sheet(rows, SIDE, SIDE * 3 // 4)))


def qualities() -> None:
    rows = []
    for pair in PAIRS:
        results = [one(pair, SIDE, quality=quality) for quality in ("draft", "good", "best")]
        table(results, click.echo)
        rows.append([cell(item.result, f"{quality}: {item.marks}, {item.seconds:.0f} s")
                     for quality, item in zip(("draft", "good", "best"), results, strict=True)])  # fmt: skip
    save("qualities", as_image(contact_sheet(rows, SIDE, SIDE * 3 // 4)))


# --- other programs -----------------------------------------------------------------------------------------
def caffe_state_dict() -> dict[str, Tensor]:
    """The same VGG19 as neural-style-pt reads it: names of torchvision's `features`, BGR in 0..255 minus mean."""
    path = vgg19_file()
    weights = dequantised(load_tensors(path), path)
    return {f"features.{INDEX_OF[layer]}.{kind}": weights[f"{layer}.{kind}"] for layer in LAYERS for kind in ("weight", "bias")}


def neural_style_pt(folder: Path, content: Tensor, style: Tensor, iterations: int, *options: str) -> tuple[Tensor, float]:
    """Its result at the content's size, and the seconds of its whole command."""
    with tempfile.TemporaryDirectory(prefix="vel-") as name:
        work = Path(name)
        torch.save(caffe_state_dict(), work / "vgg19.pth")
        for file, picture in (("content.png", content), ("style.png", style)):
            as_image(cell(picture).picture).save(work / file)  # type: ignore[arg-type]
        began = time.perf_counter()
        command = [sys.executable, folder / "neural_style.py", "-content_image", work / "content.png", "-style_image", work / "style.png",
                   "-output_image", work / "result.png", "-image_size", max(content.shape[1:]), "-num_iterations", iterations,
                   "-gpu", "c", "-disable_check", "-model_file", work / "vgg19.pth", "-save_iter", 0, "-print_iter", 0, *options]  # fmt: skip
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        result = Image.open(work / "result.png").convert("RGB").resize((content.shape[2], content.shape[1]), Image.Resampling.LANCZOS)
        return as_tensor(result, max(content.shape[1:])), seconds


def peers(folder: Path, contents: Pictures, styles: Pictures, pairs: list[tuple[str, str]], options: tuple[str, ...] = (),
          iterations: int = 300, quality: str = "good", name: str = "peers") -> None:  # fmt: skip
    """Each pair by neural-style-pt and by Velatura, in turns, on a network that both have the weights of."""
    rows = []
    for content_name, style_name in pairs:
        content, style = contents[content_name], styles[style_name]
        began = time.perf_counter()
        ours = restyled(content, style, StyleSettings(quality=quality))
        our_seconds = time.perf_counter() - began
        theirs, their_seconds = neural_style_pt(folder, content, style, iterations, *options)
        marks = [judge(judging_network(), style, content, picture) for picture in (ours, theirs)]
        click.echo(f"{content_name} in {style_name}: ours {marks[0]} in {our_seconds:.1f} s, neural-style-pt {marks[1]} in "
                   f"{their_seconds:.0f} s, {their_seconds / our_seconds:.1f}×")  # fmt: skip
        rows.append([cell(content, content_name), cell(style, style_name), cell(ours, f"Velatura: {marks[0]}, {our_seconds:.0f} s"),
                     cell(theirs, f"neural-style-pt: {marks[1]}, {their_seconds:.0f} s")])  # fmt: skip
    side = max(max(c.shape[1:]) for c in contents.values())
    save(name, as_image(contact_sheet(rows, min(side, 384), min(side, 384) * 3 // 4)))


def blind(pictures: dict[str, list[Tensor]], seed: int) -> tuple[Image.Image, list[list[str]]]:
    """A sheet of unlabelled pictures, each row in a random order, and the key. pictures: by program, one for each row."""
    order = random.Random(seed)
    rows, key = [], []
    for index in range(len(next(iter(pictures.values())))):
        programs = list(pictures)
        order.shuffle(programs)
        rows.append([cell(pictures[program][index], letter) for letter, program in zip("ABC", programs, strict=False)])
        key.append(programs)
    return as_image(contact_sheet(rows, SIDE, SIDE * 3 // 4)), key


FIGURES: dict[str, Callable[[], None]] = {"sheet": sheet, "strengths": strengths, "qualities": qualities}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*FIGURES, "peers"]))
@click.option("--neural-style-pt", "folder", type=click.Path(path_type=Path, exists=True), help="For `peers`: its checkout.")
@click.option("--size", default=PEER_SIDE, help="For `peers`: longest side in pixels.")
def main(names: tuple[str, ...], folder: Path | None, size: int) -> None:
    """Make the pictures of quality.md."""
    for name in names or FIGURES:
        began = time.perf_counter()
        click.echo(name)
        if name == "peers":
            if folder is None:
                raise click.UsageError("peers needs --neural-style-pt FOLDER")
            peers(folder, scenes(size), paintings(size), list(PAIRS))
        else:
            FIGURES[name]()
        click.echo(f"  {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    run_as_a_worker()
    main()
