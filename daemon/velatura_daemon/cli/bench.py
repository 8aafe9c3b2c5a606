"""`velatura bench`: compare plain PyTorch with Velatura's implementation on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from velatura.errors import UsageError

LARGEST_GOOD_ON_CPU = 512  # pixels: without --full, larger `good` jobs are skipped on a CPU


@click.command()
@click.option("--device", default="auto", metavar="auto|cpu|cuda|mps", help="Device to compute on.")
@click.option(
    "--sizes", default="256,512,1024,2048", metavar="PIXELS,…", help="Sides of the square pictures, multiples of 16."
)
@click.option(
    "--steps", default=0, metavar="N", help="Evaluations of the plain implementation; 0: 500 on a GPU, 100 on a CPU."
)
@click.option(
    "--repeats",
    default=3,
    type=click.IntRange(min=1),
    metavar="N",
    help="Repetitions of jobs and of runs to equal loss.",
)
@click.option(
    "--megapixels",
    metavar="N,…",
    help="Measure only pictures of these sizes, for example 1,4,16,64; they may be larger than memory.",
)
@click.option("--memory-megabytes", default=0, metavar="N", help="Memory for --megapixels; 0: half of the machine's.")
@click.option("--brief", is_flag=True, help="A quick check: change one setting only, and run draft jobs only.")
@click.option("--full", is_flag=True, help="Measure everything at every size; takes hours on a CPU.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all numbers to this file.")
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(path_type=Path),
    help="Write a plot of loss over time to this file (needs matplotlib).",
)
@click.option("--pictures", type=click.Path(path_type=Path), help="Write the pictures of equal loss to this folder.")
def bench(
    device: str,
    sizes: str,
    steps: int,
    repeats: int,
    megapixels: str | None,
    memory_megabytes: int,
    brief: bool,
    full: bool,
    json_path: Path | None,
    plot_path: Path | None,
    pictures: Path | None,
) -> None:
    """Measure this machine: its speed, the time per iteration, the time to equal loss, and complete jobs."""
    from rich.console import Console
    from rich.table import Table

    from velatura_daemon.bench.report import BenchRun, plot, plot_sizes
    from velatura_daemon.worker.devices import choose_device

    sides = _sides(sizes)
    if plot_path and find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib. Install it with: pip install matplotlib")
    on_cpu = choose_device(device).type == "cpu"
    console = Console()
    run = BenchRun(device, lambda row: console.print(f"{row[0]}: [bold]{row[1]}[/bold]", highlight=False), repeats)
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    run.machine()
    if megapixels:
        run.sizes(_megapixels(megapixels), memory_megabytes << 20)
        _write(run.data, json_path, plot_path, plot_sizes)
        return
    run.steps(sides)
    if {1024, 2048} <= set(sides):
        run.growth(1024, 2048)
    run.setting_changes(min(LARGEST_GOOD_ON_CPU, max(sides)), "draft", limit=1 if brief else None)
    quick_sides = [side for side in sides if full or not on_cpu or side <= LARGEST_GOOD_ON_CPU]
    run.to_loss(quick_sides, steps or (100 if on_cpu else 500), pictures)
    run.whole(quick_sides, ["draft"] if brief else ["draft", "good"])
    run.whole([side for side in sides if side not in quick_sides], ["draft"])
    table = Table("measurement", "result", title="Velatura on this machine")
    for row in run.rows:
        table.add_row(*row)
    console.print(table)
    _write(run.data, json_path, plot_path, plot)


def _write(
    data: dict[str, Any], json_path: Path | None, plot_path: Path | None, draw: Callable[[dict[str, Any], Path], None]
) -> None:
    if json_path:
        json_path.write_text(json.dumps(data, indent=1))
    if plot_path:
        draw(data, plot_path)


def _megapixels(text: str) -> list[float]:
    try:
        sizes = [float(number) for number in text.split(",")]
    except ValueError:
        sizes = [0.0]
    if any(not 0 < each <= 1000 for each in sizes):
        raise UsageError(
            f"--megapixels {text!r} is not valid. Give positive numbers separated by commas, such as 1,4,16."
        )
    return sizes


def _sides(text: str) -> list[int]:
    try:
        sides = [int(number) for number in text.split(",")]
    except ValueError:
        sides = [0]
    if any(side < 64 or side % 16 for side in sides):
        raise UsageError(
            f"--sizes {text!r} is not valid. Give multiples of 16 from 64, separated by commas, such as 256,512."
        )
    return sides
