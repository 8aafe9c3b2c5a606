"""`velatura bench`: the plain way and ours on this machine, in one run."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from velatura.errors import UsageError

FULL_JOB = 512  # pixels: the largest `good` job that is waited for on a CPU without --full


@click.command()
@click.option("--device", default="auto", metavar="auto|cpu|cuda|mps", help="Where to compute.")
@click.option(
    "--sizes", default="256,512,1024,2048", metavar="PIXELS,…", help="Sides of square pictures, multiples of 16."
)
@click.option(
    "--steps", default=0, metavar="N", help="Evaluations that the plain way gets; 0: 500 on a GPU, 100 on a CPU."
)
@click.option(
    "--repeats",
    default=3,
    type=click.IntRange(min=1),
    metavar="N",
    help="How often jobs and ways to equal loss are measured.",
)
@click.option(
    "--megapixels",
    metavar="N,…",
    help="Only this: pictures of these many megapixels, up to larger than memory: 1,4,16,64.",
)
@click.option("--memory-megabytes", default=0, metavar="N", help="What they may take; 0: half the machine's.")
@click.option(
    "--brief",
    is_flag=True,
    help="One setting moved and drafts alone, in place of all of them: to see that all of it works.",
)
@click.option("--full", is_flag=True, help="Wait for everything at every size: on a CPU, hours.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Keep every number in this file.")
@click.option(
    "--plot", "plot_path", type=click.Path(path_type=Path), help="Draw loss over time here (needs matplotlib)."
)
@click.option(
    "--pictures", type=click.Path(path_type=Path), help="Keep both ways' pictures of equal loss in this folder."
)
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
    """Measure this machine: what it can do, what an iteration takes, seconds to equal loss, whole jobs."""
    from rich.console import Console
    from rich.table import Table

    from velatura_daemon.bench.report import Run, plot, plot_sizes
    from velatura_daemon.worker.devices import choose_device

    sides = _sides(sizes)
    if plot_path and find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib: pip install matplotlib")
    on_cpu = choose_device(device).type == "cpu"
    console = Console()
    run = Run(device, lambda row: console.print(f"{row[0]}: [bold]{row[1]}[/bold]", highlight=False), repeats)
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    run.machine()
    if megapixels:
        run.sizes(_megapixels(megapixels), memory_megabytes << 20)
        _keep(run.data, json_path, plot_path, plot_sizes)
        return
    run.steps(sides)
    if {1024, 2048} <= set(sides):
        run.growth(1024, 2048)
    run.setting_specs(min(FULL_JOB, max(sides)), "draft", most=1 if brief else None)
    short = [side for side in sides if full or not on_cpu or side <= FULL_JOB]
    run.to_loss(short, steps or (100 if on_cpu else 500), pictures)
    run.whole(short, ["draft"] if brief else ["draft", "good"])
    run.whole([side for side in sides if side not in short], ["draft"])
    table = Table("what", "measured", title="Velatura on this machine")
    for row in run.rows:
        table.add_row(*row)
    console.print(table)
    _keep(run.data, json_path, plot_path, plot)


def _keep(
    data: dict[str, Any], json_path: Path | None, plot_path: Path | None, draw: Callable[[dict[str, Any], Path], None]
) -> None:
    if json_path:
        json_path.write_text(json.dumps(data, indent=1))
    if plot_path:
        draw(data, plot_path)


def _megapixels(words: str) -> list[float]:
    try:
        found = [float(word) for word in words.split(",")]
    except ValueError:
        found = [0.0]
    if any(not 0 < each <= 1000 for each in found):
        raise UsageError(f"--megapixels is {words!r}; give numbers over 0, with commas between: 1,4,16.")
    return found


def _sides(words: str) -> list[int]:
    try:
        sides = [int(word) for word in words.split(",")]
    except ValueError:
        sides = [0]
    if any(side < 64 or side % 16 for side in sides):
        raise UsageError(f"--sizes is {words!r}; give multiples of 16 from 64 on, with commas between: 256,512.")
    return sides
