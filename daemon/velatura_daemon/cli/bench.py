"""`velatura bench`: compare plain PyTorch with Velatura's implementation on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from velatura.errors import UsageError
from velatura.i18n import _, lazy_text, pgettext
from velatura_daemon.terminal.console import echo, echo_table
from velatura_daemon.terminal.help_pages import Command
from velatura_daemon.terminal.options import UserPath
from velatura_daemon.user_paths import check_writable, make_folder, unwritable

LARGEST_GOOD_ON_CPU = 512  # pixels: without --full, larger `good` jobs are skipped on a CPU


@click.command(
    cls=Command,
    help=_("Measure this machine: its speed, the time per iteration, the time to equal loss, and complete jobs."),
)
@click.option("--device", default="auto", metavar="auto|cpu|cuda|xpu|mps", help=_("Device to compute on."))
@click.option(
    "--sizes",
    default="256,512,1024,2048",
    metavar=_("PIXELS,…"),
    help=_("Sides of the square pictures, multiples of 16."),
)
@click.option(
    "--steps",
    default=0,
    metavar=_("N"),
    help=_("Evaluations of the plain implementation; 0: 500 on a GPU, 100 on a CPU."),
)
@click.option(
    "--repeats",
    default=3,
    type=click.IntRange(min=1),
    metavar=_("N"),
    help=_("Repetitions of jobs and of runs to equal loss."),
)
@click.option(
    "--megapixels",
    metavar=_("N,…"),
    help=_("Measure only pictures of these sizes, for example 1,4,16,64; they may be larger than memory."),
)
@click.option(
    "--memory-megabytes", default=0, metavar=_("N"), help=_("Memory for --megapixels; 0: half of the machine's.")
)
@click.option("--brief", is_flag=True, help=_("A quick check: change one setting only, and run draft jobs only."))
@click.option("--full", is_flag=True, help=_("Measure everything at every size; takes hours on a CPU."))
@click.option("--json", "json_path", type=UserPath(), help=_("Write all numbers to this file."))
@click.option(
    "--plot", "plot_path", type=UserPath(), help=_("Write a plot of loss over time to this file (needs matplotlib).")
)
@click.option("--pictures", type=UserPath(), help=_("Write the pictures of equal loss to this folder."))
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
    sides, sizes_in_megapixels = _sides(sizes), _megapixels(megapixels) if megapixels else []
    if plot_path and find_spec("matplotlib") is None:
        raise UsageError(lazy_text("--plot needs matplotlib. Install it with: pip install matplotlib"))
    for path in (json_path, plot_path):
        if path:
            check_writable(path)

    from velatura_daemon.bench.report import BenchRun, plot, plot_sizes
    from velatura_daemon.engine.devices import choose_device

    on_cpu = choose_device(device).type == "cpu"
    run = BenchRun(device, lambda row: echo(f"{row[0]}: {row[1]}"), repeats)
    if pictures:
        make_folder(pictures)
    run.machine()
    if sizes_in_megapixels:
        run.sizes(sizes_in_megapixels, memory_megabytes << 20)
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
    headings = pgettext("column", "measurement"), pgettext("column", "result")
    echo_table(headings, run.rows, title=_("Velatura on this machine"))
    _write(run.data, json_path, plot_path, plot)


def _write(
    data: dict[str, Any], json_path: Path | None, plot_path: Path | None, draw: Callable[[dict[str, Any], Path], None]
) -> None:
    for path, write in ((json_path, _write_json), (plot_path, draw)):
        if path:
            try:
                write(data, path)
            except OSError as error:
                raise unwritable(path, error) from error


def _write_json(data: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(data, indent=1))


def _megapixels(text: str) -> list[float]:
    try:
        sizes = [float(number) for number in text.split(",")]
    except ValueError:
        sizes = [0.0]
    if any(not 0 < each <= 1000 for each in sizes):
        raise UsageError(
            lazy_text(
                "--megapixels {typed} is not valid. Give positive numbers separated by commas, such as 1,4,16.",
                typed=repr(text),
            )
        )
    return sizes


def _sides(text: str) -> list[int]:
    try:
        sides = [int(number) for number in text.split(",")]
    except ValueError:
        sides = [0]
    if any(side < 64 or side % 16 for side in sides):
        raise UsageError(
            lazy_text(
                "--sizes {typed} is not valid. Give multiples of 16 from 64, separated by commas, such as 256,512.",
                typed=repr(text),
            )
        )
    return sides
