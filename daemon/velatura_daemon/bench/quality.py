"""`make judge`: restyle scenes with paintings and score each result; writes a table, JSON and a contact sheet.

By default it uses Velatura's own samples. With --pictures FOLDER, it uses the pictures in FOLDER/content and
FOLDER/style.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon import samples
from velatura_daemon.bench.judge import Scores, judge
from velatura_daemon.bench.pictures import drawn
from velatura_daemon.engine.devices import choose_device
from velatura_daemon.engine.masks import full_weight
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.precision import fastest_on
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.engine.upsampling import full_size
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet
from velatura_daemon.models.load import load_default
from velatura_daemon.terminal.console import echo
from velatura_daemon.worker.environment import WORKER

FORMATS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
PAINTINGS = ("night_swirls", "ember_waves", "watercolour")

Pictures = Mapping[str, Tensor]  # (3, H, W) in 0..1, by name


@dataclass(frozen=True)
class Restyled:
    """One content in one style. result: (3, H, W). seconds: of the optimisation only, with the network loaded."""

    content: str
    style: str
    result: Tensor
    scores: Scores
    seconds: float


def as_tensor(image: Image.Image | np.ndarray, size: int) -> Tensor:
    """Convert to (3, H, W) in 0..1, scaled down to a longest side of at most `size`."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture = picture.convert("RGB")
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


def sample_pictures(names: Mapping[str, object] | tuple[str, ...], size: int) -> Pictures:
    """Return Velatura's own samples in the format 4:3, by name."""
    return {name: as_tensor(drawn(name, size, size * 3 // 4), size) for name in names}


def pictures_in(folder: Path, size: int) -> Pictures:  # not translated: a developer tool
    """Return all pictures in a folder, by file name without extension."""
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in FORMATS)
    if not files:
        raise click.ClickException(f"There are no pictures in {folder}. Add some ({', '.join(FORMATS)}).")
    return {file.stem: as_tensor(Image.open(file), size) for file in files}


@cache
def judging_network() -> Network:
    """Return the network for scores, in float32, so that they do not depend on the device."""
    return load_default()


@cache
def working_network() -> Network:
    """Return the network as a worker uses it."""
    device = choose_device("auto")
    return load_default().to(device).use_precision(fastest_on(device))


def restyled(content: Tensor, style: Tensor, settings: StyleSettings) -> Tensor:
    """Return the result (3, H, W) in 0..1, rounded to 8 bits as in a file; at strength 0 the content, as a worker
    does."""
    if settings.strength == 0 and not settings.strength_is_locked:
        return content
    source = _source(content)
    *_, last = stylise(source, [_source(style)], settings, working_network())
    return (full_size(last.image, source, settings).clamp(0, 1) * 255).round().cpu() / 255


def _source(image: Tensor) -> Source:
    image = image.to(choose_device("auto"))
    return Source(image, full_weight(image), full_weight(image), id(image), max(image.shape[1:]))


def restyle_all(contents: Pictures, styles: Pictures, settings: StyleSettings) -> Iterator[Restyled]:
    """Restyle each content in each style, content by content."""
    for content_name, content in contents.items():
        for style_name, style in styles.items():
            started_at = time.perf_counter()
            result = restyled(content, style, settings)
            seconds = time.perf_counter() - started_at
            yield Restyled(content_name, style_name, result, judge(judging_network(), style, content, result), seconds)


def cell(image: Tensor, label: str = "") -> Cell:
    """image: (3, H, W) in 0..1."""
    pixels = (image.permute(1, 2, 0) * 255).round().to(torch.uint8).contiguous().numpy()
    return Cell(Picture(image.shape[2], image.shape[1], PixelFormat("RGB", "u8"), pixels.tobytes()), label)


def sheet_of(contents: Pictures, styles: Pictures, results: list[Restyled], width: int, height: int) -> Image.Image:
    """Draw a sheet with styles at the top, contents on the left, and results with their scores in between."""
    by_pair = {(item.content, item.style): item for item in results}
    rows = [[Cell(), *(cell(style, name) for name, style in styles.items())]]
    for content_name, content in contents.items():
        row = [by_pair[content_name, style_name] for style_name in styles]
        rows.append([cell(content, content_name), *(cell(item.result, str(item.scores)) for item in row)])
    return as_image(contact_sheet(rows, width, height))


def as_image(picture: Picture) -> Image.Image:
    return Image.frombytes("RGB", (picture.width, picture.height), bytes(picture.data))


def table(results: list[Restyled], print_line: Callable[[str], None]) -> None:
    """Print a line for each result, and the means."""
    print_line(f"{'content':16} {'style':20} style  content  fine  coarse  seconds")
    for item in results:
        scores = item.scores
        print_line(
            f"{item.content:16} {item.style:20} {scores.style:5.3f}  {scores.content:7.3f} {scores.fine:5.3f}   "
            f"{scores.coarse:5.3f}  {item.seconds:7.1f}"
        )
    means = [sum(getattr(item.scores, name) for item in results) / len(results) for name in ("style", "content")]
    print_line(f"{'mean':37} {means[0]:5.3f}  {means[1]:7.3f}")


@click.command()
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder that contains content/ and style/.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("judged"), help="Folder for the results.")
@click.option("--size", default=320, type=click.IntRange(64, 2048), help="Longest side of every picture, in pixels.")
@click.option("--quality", default="good", help="draft, good, best or paper.")
@click.option("--strength", default=50.0, help="0 to 100.")
def main(  # not translated: a developer tool
    pictures: Path | None, out: Path, size: int, quality: str, strength: float
) -> None:
    """Restyle scenes with paintings and score the results."""
    if pictures:
        contents, styles = pictures_in(pictures / "content", size), pictures_in(pictures / "style", size)
    else:
        contents, styles = sample_pictures(samples.SCENES, size), sample_pictures(PAINTINGS, size)
    settings = StyleSettings(quality=quality, strength=strength)
    results = list(restyle_all(contents, styles, settings))
    out.mkdir(parents=True, exist_ok=True)
    for item in results:
        as_image(cell(item.result).picture).save(out / f"{item.content}-in-{item.style}.png")  # type: ignore[arg-type]
    sheet_of(contents, styles, results, size, size * 3 // 4).save(out / "sheet.jpg", quality=90)
    facts = [
        {"scene": item.content, "painting": item.style, "seconds": item.seconds, "scores": asdict(item.scores)}
        for item in results
    ]
    (out / "scores.json").write_text(
        json.dumps({"size": size, "settings": settings.to_wire(), "results": facts}, indent=1)
    )
    table(results, echo)
    echo(f"{out / 'sheet.jpg'}: styles at the top, contents on the left, scores (style / content) above")


def run_as_a_worker() -> None:
    """Restart this process with a worker's environment variables, unless it has them: they only take effect at the
    start."""
    if any(os.environ.get(name) != value for name, value in WORKER.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **WORKER})


if __name__ == "__main__":
    run_as_a_worker()
    main()
