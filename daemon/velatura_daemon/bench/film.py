"""`python -m velatura_daemon.bench.film`: restyles test shots frame by frame and steadily, and measures both.

The shots are made from Velatura's own samples, with camera and object motion that is known exactly, so that the figures
do not depend on the optical flow that the restyle uses.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor

from velatura.editor.frames import FOLLOWED
from velatura.pixels import Picture
from velatura.settings import StyleSettings
from velatura_daemon.bench.judge import judge
from velatura_daemon.bench.pictures import drawn
from velatura_daemon.bench.quality import as_image, as_tensor, cell, judging_network, run_as_a_worker, working_network
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.masks import full_weight
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stylise import Resources, stylise
from velatura_daemon.engine.upsampling import full_size
from velatura_daemon.imaging.contact_sheet import contact_sheet
from velatura_daemon.motion.flow import opencv, warp
from velatura_daemon.terminal.console import echo
from velatura_daemon.worker.previous_frames import guide_from

Array = np.ndarray[Any, np.dtype[Any]]

SHOTS = ("pan", "zoom", "object")
GRAIN = 0.015  # standard deviation of the grain that is added to each frame, of the 0..1 range
FINENESS = 2  # pixels of the scene per pixel of a frame: averaged, so that every frame is as sharp as the others
EDGE = 2  # pixels that the interpolation of a warp reaches beyond a hidden place


@dataclass(frozen=True)
class Frame:
    """A frame of a test shot. image: (3, H, W), 0 to 1, rounded to 8 bits. motion: (H, W, 2), from where in the frame
    before each pixel comes. seen: (H, W), whether it was to be seen there."""

    image: Tensor
    motion: Array
    seen: Array


def shot(name: str, width: int, height: int, count: int) -> list[Frame]:
    """A shot from SHOTS."""
    make = {"pan": _camera, "zoom": _camera, "object": _object}[name]
    return make(name, width, height, count)


def _camera(name: str, width: int, height: int, count: int) -> list[Frame]:
    """A camera that moves to the right by 1.3 pixels per frame and a little down, turning back so that the shot may
    have any length, or comes nearer by 0.4 % per frame and goes back."""
    scene = _scene("harbour_town", width, height)
    frames, before = [], None
    for number in range(count):
        way = _to_and_fro(number, 90)
        if name == "pan":
            place = 1.0, 0.10 * width + 1.3 * way, 0.25 * height + 0.2 * way
        else:
            scale = 1.004**way
            place = (
                1 / scale,
                0.9 * width * (1 - 1 / scale) + 0.3 * width,
                0.6 * height * (1 - 1 / scale) + 0.3 * height,
            )
        columns, rows = _view(place, width, height)
        image = _sampled(scene, columns, rows)
        motion, seen = _motion_to(columns, rows, before or place, width, height)
        frames.append(_frame(image, motion, seen, number))
        before = place
    return frames


def _object(_: str, width: int, height: int, count: int) -> list[Frame]:
    """A round piece of another picture moves over a camera that drifts slowly: it hides the background before it, and
    uncovers the one behind it."""
    scene, other = _scene("harbour_town", width, height), _scene("mountain_lake", width, height)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = 0.28 * height
    frames: list[Frame] = []
    before: tuple[Array, tuple[float, float, float]] | None = None
    for number in range(count):
        way = _to_and_fro(number, 60)
        centre = 0.2 * width + 0.01 * width * way, 0.45 * height + 0.1 * height * np.sin(way / 12)
        place = 1.0, 0.2 * width + 0.4 * way, 0.3 * height
        columns, rows = _view(place, width, height)
        background = _sampled(scene, columns, rows)
        piece = _sampled(other, x - centre[0] + 0.8 * width, y - centre[1] + 1.0 * height)
        covers = np.clip(radius - np.hypot(x - centre[0], y - centre[1]) + 0.5, 0, 1)
        image = background + covers[..., None] * (piece - background)
        hidden = covers > 0.5
        here = np.array([*centre], np.float32)
        old_centre, old_place = before if before is not None else (here, place)
        motion, seen = _motion_to(columns, rows, old_place, width, height)
        old_x, old_y = x + motion[..., 0], y + motion[..., 1]
        uncovered = np.hypot(old_x - old_centre[0], old_y - old_centre[1]) < radius + EDGE
        motion = np.where(hidden[..., None], old_centre - here, motion)
        edge = (covers > 0) & (covers < 1)
        seen = np.where(hidden, True, seen & ~uncovered) & ~_grown(edge)
        frames.append(_frame(image, motion.astype(np.float32), seen, number))
        before = here, place
    return frames


def _scene(name: str, width: int, height: int) -> Array:
    """A sample of twice the width and height of a frame, in FINENESS times finer pixels, (H, W, 3), 0 to 1."""
    return drawn(name, 2 * FINENESS * width, 2 * FINENESS * height).astype(np.float32) / 255


def _to_and_fro(number: int, turn: int) -> float:
    """The way until a frame, which turns back every `turn` frames."""
    return float(turn - abs(number % (2 * turn) - turn))


def _view(place: tuple[float, float, float], width: int, height: int) -> tuple[Array, Array]:
    """Where each pixel of a frame lies in its scene. place: pixels of the scene per pixel, left, top."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    scale, left, top = place
    return (left + scale * x).astype(np.float32), (top + scale * y).astype(np.float32)


def _sampled(scene: Array, columns: Array, rows: Array) -> Array:
    """columns, rows: in pixels of a frame."""
    cv2 = opencv()
    total = np.zeros((*columns.shape, 3), np.float32)
    steps = np.arange(0, FINENESS, 0.5)
    for right in steps:
        for down in steps:
            x, y = (FINENESS * at + step for at, step in ((columns, right), (rows, down)))
            total += cv2.remap(
                scene, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
            )
    return total / len(steps) ** 2


def _motion_to(
    columns: Array, rows: Array, before: tuple[float, float, float], width: int, height: int
) -> tuple[Array, Array]:
    """From where in the frame before each pixel comes, and whether it lay inside. before: the place of that frame."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    scale, left, top = before
    old_x, old_y = (columns - left) / scale, (rows - top) / scale
    inside = (old_x >= EDGE) & (old_x <= width - 1 - EDGE) & (old_y >= EDGE) & (old_y <= height - 1 - EDGE)
    return np.stack([old_x - x, old_y - y], axis=2).astype(np.float32), inside


def _grown(places: Array) -> Array:
    cv2 = opencv()
    grown: Array = cv2.dilate(places.astype(np.uint8), np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)) > 0
    return grown


def _frame(image: Array, motion: Array, seen: Array, number: int) -> Frame:
    grain = np.random.default_rng(number).normal(0, GRAIN, image.shape[:2])[..., None]
    rounded = np.rint(np.clip(image + grain, 0, 1) * 255).astype(np.uint8)
    return Frame(torch.from_numpy(rounded).permute(2, 0, 1).float() / 255, motion, seen)


@dataclass(frozen=True)
class Restyled:
    """results: (3, H, W) per frame, rounded to 8 bits. seconds, cpu_seconds: per frame, without the first two, which
    fill the caches."""

    results: list[Tensor]
    seconds: float
    cpu_seconds: float


def restyle_shot(frames: Sequence[Frame], style: Tensor, settings: StyleSettings, cuts: Sequence[int] = ()) -> Restyled:
    """Restyle all frames; with steadiness 0, each on its own. cuts: frames that follow none."""
    resources, times, cpu_times = Resources(TargetCache(1 << 29)), [], []
    results: list[Tensor] = []
    styles = [_source(style, "style")]
    for number, frame in enumerate(frames):
        began, cpu_began = time.perf_counter(), time.process_time()
        source, guide = _source(frame.image, number), None
        if settings.steadiness and number and number not in cuts:
            first = max((cut for cut in cuts if cut <= number), default=0)
            earlier = [*(number - back for back in FOLLOWED if number - back > first), first]
            previous = [(_picture(frames[n].image), _picture(results[n]), False) for n in earlier]
            guide = guide_from(source.image, previous, settings)
        *_, last = stylise(source, styles, settings, working_network(), resources=resources, guide=guide)
        result = full_size(last.image, source, settings).clamp(0, 1)
        results.append((result * 255).round().cpu() / 255)
        times.append(time.perf_counter() - began)
        cpu_times.append(time.process_time() - cpu_began)
    counted = slice(min(2, len(frames) - 1), None)
    return Restyled(results, float(np.median(times[counted])), float(np.median(cpu_times[counted])))


def _source(image: Tensor, key: object) -> Source:
    image = image.to(working_network().device)
    return Source(image, full_weight(image), full_weight(image), key, max(image.shape[1:]))


def _picture(image: Tensor) -> Picture:
    return cell(image).picture  # type: ignore[return-value]


def wobble(results: Sequence[Tensor], frames: Sequence[Frame], cuts: Sequence[int] = ()) -> float:
    """Mean difference between each result and the one before, moved as the sources have moved, where that was seen."""
    differences = []
    for number in range(1, len(frames)):
        if number in cuts:
            continue
        frame = frames[number]
        moved = warp(_array(results[number - 1]), frame.motion)
        differences.append(float(np.abs(_array(results[number]) - moved)[frame.seen].mean()))
    return float(np.mean(differences))


def gradient_energy(image: Tensor) -> float:
    """Mean squared difference of neighbouring pixels of the grey picture: how sharp it is."""
    grey = image.mean(0)
    return float((grey[:, 1:] - grey[:, :-1]).square().mean() + (grey[1:] - grey[:-1]).square().mean())


def _array(image: Tensor) -> Array:
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


@dataclass(frozen=True)
class Figures:
    """Of one shot. wobble: `wobble` of the results over that of the sources, frame by frame and steady. style, content:
    mean marks of the frames that were looked at. sharpness: gradient energy over a still's, by number of the frame.
    time: CPU seconds per frame over a still's."""

    shot: str
    wobble_alone: float
    wobble_steady: float
    style_alone: float
    style_steady: float
    content_alone: float
    content_steady: float
    sharpness: dict[int, float]
    time: float
    cpu_seconds_still: float

    @property
    def wobble(self) -> float:
        return self.wobble_steady / self.wobble_alone

    def __str__(self) -> str:
        sharp = ", ".join(f"{number}: {value:.2f}" for number, value in self.sharpness.items())
        styles, contents = self.style_steady / self.style_alone, self.content_steady / self.content_alone
        return (
            f"{self.shot:8} wobble {self.wobble_alone:.2f} alone, {self.wobble_steady:.2f} steady: {self.wobble:.2f}  "
            f"style {self.style_alone:.3f} → {self.style_steady:.3f} ({styles - 1:+.0%})  "
            f"content {self.content_alone:.3f} → {self.content_steady:.3f} "
            f"({contents - 1:+.0%})  sharpness {sharp}  time {self.time:.2f} "
            f"of {self.cpu_seconds_still:.2f} s"
        )


def measure(
    name: str, frames: Sequence[Frame], style: Tensor, settings: StyleSettings, folder: Path, looked_at: Sequence[int]
) -> Figures:
    """Restyle a shot in both ways; stills are made only of the frames that are compared."""
    steady = restyle_shot(frames, style, settings)
    alone_settings = replace(settings, steadiness=0)
    near = min(len(frames), 12)  # flicker is the same everywhere
    alone = restyle_shot(frames[:near], style, alone_settings)
    stills = {
        n: alone.results[n] if n < near else restyle_shot([frames[n]], style, alone_settings).results[0]
        for n in looked_at
    }
    marks = {
        kind: [judge(judging_network(), style, frames[n].image, results[n]) for n in looked_at]
        for kind, results in (("alone", stills), ("steady", steady.results))
    }
    source = wobble([frame.image for frame in frames], frames)
    save(folder / name, frames, alone.results, steady.results, looked_at, stills)
    return Figures(
        name,
        wobble(alone.results, frames[:near]) / source,
        wobble(steady.results, frames) / source,
        float(np.mean([mark.style for mark in marks["alone"]])),
        float(np.mean([mark.style for mark in marks["steady"]])),
        float(np.mean([mark.content for mark in marks["alone"]])),
        float(np.mean([mark.content for mark in marks["steady"]])),
        {n: gradient_energy(steady.results[n]) / gradient_energy(stills[n]) for n in looked_at},
        steady.cpu_seconds / alone.cpu_seconds,
        alone.cpu_seconds,
    )


def save(
    folder: Path,
    frames: Sequence[Frame],
    alone: Sequence[Tensor],
    steady: Sequence[Tensor],
    looked_at: Sequence[int],
    stills: dict[int, Tensor],
) -> None:
    """Write every steady frame, and a strip: sources, frame by frame, steady."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, result in enumerate(steady):
        as_image(_picture(result)).save(folder / f"{number:04}.png")
    height, width = frames[0].image.shape[1:]
    neighbours = range(max(0, len(alone) - 4), len(alone))
    for title, numbers, others in (
        ("neighbours", neighbours, {n: alone[n] for n in neighbours}),
        ("apart", looked_at, stills),
    ):
        rows = [
            [cell(frames[n].image, f"frame {n}") for n in numbers],
            [cell(others[n], "alone") for n in numbers],
            [cell(steady[n], "steady") for n in numbers],
        ]
        as_image(contact_sheet(rows, width, height)).save(folder / f"{title}.png")


@click.command()
@click.option("--shot", "names", multiple=True, type=click.Choice(SHOTS), default=SHOTS, help="Which shots.")
@click.option("--width", default=256, help="Pixels.")
@click.option("--frames", "count", default=12, help="Per shot.")
@click.option("--quality", default="draft", help="draft, good or best.")
@click.option("--steadiness", default=StyleSettings().steadiness, help="0 to 100.")
@click.option("--style", default="night_swirls", help="A sample painting.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("film"), help="Folder for frames and figures.")
def main(  # not translated: a developer tool
    names: tuple[str, ...], width: int, count: int, quality: str, steadiness: float, style: str, out: Path
) -> None:
    """Restyle test shots frame by frame and steadily, and compare."""
    settings = StyleSettings(quality=quality, steadiness=steadiness)
    height = width * 9 // 16
    painting = as_tensor(drawn(style, width, width * 3 // 4), width)
    figures = []
    for name in names:
        looked_at = sorted({n for n in (1, 60, 240) if n < count} | {count - 1})
        frames = shot(name, width, height, count)
        figures.append(measure(name, frames, painting, settings, out, looked_at))
        echo(str(figures[-1]))
    (out / "figures.json").write_text(json.dumps([asdict(item) for item in figures], indent=1))


if __name__ == "__main__":
    run_as_a_worker()
    main()
