"""The commands: a sheet of styles, training, the file that is shipped, and judging any weights."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean

import click
import torch
from PIL import Image

from training import judge as judging
from training.export import export, folded, ready
from training.pictures import as_picture
from training.profiles import PROFILES
from training.recipe import FAMILIES, draw_style
from training.render import render
from training.train import Plan, train
from velatura.paths import places
from velatura.settings import StyleSettings, default_of
from velatura_daemon.engine.network import Network
from velatura_daemon.weights.load import load_network, load_ours
from velatura_daemon.weights.store import Weights, WeightStore

NAMES = ("embedded", "thin")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def main() -> None:
    """How Velatura's own weights are made and measured. No photograph and no trained network goes in."""


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--rows", default=4, help="Styles of each family.")
@click.option("--side", default=112, help="Pixels a picture.")
def styles(out: Path, rows: int, side: int) -> None:
    """A contact sheet of the procedural styles, a column each family."""
    count = len(FAMILIES)
    sheet = [
        [render(draw_style(row * count + n), 7 + row * count + n, side) for n in range(count)] for row in range(rows)
    ]
    Image.fromarray(as_picture(sheet)).save(out, quality=88)


@main.command(name="train")
@click.argument("which", type=click.Choice(NAMES))
@click.option(
    "--profile", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", help="auto: gpu where there is one."
)
@click.option("--minutes", type=float, help="Instead of the profile's.")
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path("training-out"), help="Where the checkpoints lie."
)
@click.option("--out", type=click.Path(path_type=Path), help="The weights file; without it, none is written.")
def train_(which: str, profile: str, minutes: float | None, folder: Path, out: Path | None) -> None:
    """Train, going on from the checkpoint where there is one, and write the file."""
    device = torch.device("cuda" if torch.cuda.is_available() and profile != "cpu" else "cpu")
    plan = PROFILES["gpu" if profile == "gpu" or (profile == "auto" and device.type == "cuda") else "cpu", which]
    plan = plan if minutes is None else replace(plan, minutes=minutes)
    processes = os.cpu_count() or 2
    report = train(plan, folder / f"{which}.pt", device, processes, click.echo)
    click.echo(json.dumps(asdict(report)))
    if out is not None:
        _write(plan, folder / f"{which}.pt", out)


@main.command(name="export")
@click.argument("checkpoint", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path))
def export_(checkpoint: Path, out: Path) -> None:
    """Write the weights file of a checkpoint, by the plan that lies beside it."""
    _write(Plan(**json.loads(checkpoint.with_suffix(".json").read_text())["plan"]), checkpoint, out)


def _write(plan: Plan, checkpoint: Path, out: Path) -> None:
    done = json.loads(checkpoint.with_suffix(".json").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    note = {"title": "Velatura's own VGG19", "input": "torchvision", "commit": commit, "recipe": json.dumps(done)}
    export(ready(folded(plan, checkpoint)), out, note)
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


@main.command()
@click.argument("weights", default="embedded", metavar="embedded|thin|random|imagenet|PATH")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("judged"), help="Folder of the sheet and the pictures."
)
@click.option("--size", default=256, help="Longest side, in pixels.")
@click.option("--strength", default=float(default_of("strength")), help="0 to 100.")
@click.option("--quality", type=click.Choice(["draft", "good", "best"]), default="good", help="How many steps.")
@click.option("--contents", type=click.Path(path_type=Path, exists=True), help="A folder of contents of your own.")
@click.option(
    "--styles", "styles_", type=click.Path(path_type=Path, exists=True), help="A folder of styles of your own."
)
@click.option("--strip", is_flag=True, help="The first content at 0, 25, 50, 75 and 100 in each style, instead.")
def judge(
    weights: str,
    out: Path,
    size: int,
    strength: float,
    quality: str,
    contents: Path | None,
    styles_: Path | None,
    strip: bool,
) -> None:
    """Restyle contents in styles with any weights; print what the results measure, save them and a contact sheet."""
    network = _network(weights)
    some = judging.pictures_in(contents, size) if contents else judging.photographs(size)
    looks = judging.pictures_in(styles_, size) if styles_ else judging.sample_styles(size)
    out.mkdir(parents=True, exist_ok=True)
    if strip:
        name, content = next(iter(some.items()))
        settings = [StyleSettings(quality=quality, strength=s) for s in (25, 50, 75, 100)]
        rows = [
            [content, *(judging.restyled(network, content, style, s) for s in settings)] for style in looks.values()
        ]
        judging.sheet(rows).save(out / f"strengths-{name}.png")
        return
    click.echo(f"{'':28} {'colours':>8} {'strokes':>8} {'texture':>8} {'content':>8} {'seconds':>8}")

    def say(judged: judging.Judged) -> None:
        name = f"{judged.content} in {judged.style}"
        m = judged.measures
        click.echo(
            f"{name:28} {m.colours:8.3f} {m.strokes:+8.3f} {m.texture:8.2f} {m.content:8.2f} {judged.seconds:8.1f}"
        )
        judging.sheet([[judged.result]]).save(out / f"{judged.content}-{judged.style}.png")

    judged_rows = judging.judge(network, some, looks, StyleSettings(quality=quality, strength=strength), say)
    found = [j.measures for row in judged_rows for j in row]
    means = [fmean(getattr(m, name) for m in found) for name in ("colours", "strokes", "texture", "content")]
    click.echo(f"{'mean':28} {means[0]:8.3f} {means[1]:+8.3f} {means[2]:8.2f} {means[3]:8.2f}")
    judging.overview(some, looks, judged_rows).save(out / "contact-sheet.png")


def _network(weights: str) -> Network:
    path = Path(weights)
    if path.suffix == ".safetensors" and path.stem in NAMES:
        return load_ours(path, path.stem)
    if path.suffix:
        return load_network(Weights(path.stem, path.name, path))[0]
    return load_network(WeightStore(places()).resolve(weights))[0]
