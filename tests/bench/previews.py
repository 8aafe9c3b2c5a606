"""`python -m tests.bench.previews`: how long previews take, from the request to the result.

A real daemon with a warm worker, drafts of 400 × 300 and 512 × 384 pixels: from the beginning, with a changed setting,
and with a stroke painted on the content. Then a view of a large picture: without a last image, and from the small
draft's; each once before its styles were seen at that size, and again. CPU seconds of the worker are printed beside: on
a machine that does other work too, they tell more.
"""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from tests.bench.__main__ import launcher
from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.events import Finished
from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.samples import draw

SCENE, PAINTING = "harbour_town", "night_swirls"
STYLE_SIZE = 2000, 1500
SIZES = ((400, 300), (512, 384))
VIEW = 1700, 1200, 600, 450
OPTIONS = {"layer": "preview", "remember": False}


def picture(name: str, width: int, height: int, strokes: int = 0) -> Picture:
    """strokes: how many have been painted on it."""
    pixels = draw(name, width, height).copy()
    for stroke in range(strokes):
        row, column = (stroke * 53 + 40) * height // 300 % height, (stroke * 89 + 30) * width // 400 % (width // 2)
        pixels[row : row + height // 40, column : column + width // 4] = (200, 60, 40)
    return Picture(width, height, PixelFormat("RGB", "u8"), np.ascontiguousarray(pixels).tobytes())


class Bench:
    """One daemon, and its worker's time."""

    def __init__(self, client: Client, repeats: int) -> None:
        self.client, self.repeats = client, repeats
        self.style = picture(PAINTING, *STYLE_SIZE)

    def cpu_seconds(self) -> float:
        pid = self.client.status()["worker"].get("pid", 0)
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() if pid else ["0"] * 13
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def one(self, content: Picture, strength: float, **options: Any) -> tuple[float, float, Finished]:
        """Seconds, CPU seconds, the result."""
        cpu, began = self.cpu_seconds(), time.perf_counter()
        settings = StyleSettings(quality="draft", strength=strength)
        done = self.client.restyle_and_wait(content, [(self.style, 1.0)], settings, **{**OPTIONS, **options})
        return time.perf_counter() - began, self.cpu_seconds() - cpu, done

    def row(self, name: str, run: Callable[[], tuple[float, float, Finished]], repeats: int = 0) -> None:
        times = [run() for _ in range(repeats or self.repeats)]
        wall, cpu = ([each[i] for each in times] for i in (0, 1))
        started = times[-1][2].result.started_from
        click.echo(
            f"| {name} | {statistics.median(wall):.2f} s ({min(wall):.2f} – {max(wall):.2f}) | "
            f"{statistics.median(cpu):.2f} s | {started} |"
        )


@click.command()
@click.option("--repeats", default=3, show_default=True)
@click.option("--views/--no-views", default=True, show_default=True)
@click.option("--pictures", type=click.Path(path_type=Path), help="Folder for the results, as PNG.")
def main(repeats: int, views: bool, pictures: Path | None) -> None:
    """Print a table for docs/performance.md, 'Previews'."""
    with tempfile.TemporaryDirectory() as home:
        client = Client("bench", dirs=app_dirs({"VELATURA_HOME": home}), launcher=launcher(Path(home)))
        try:
            run(Bench(client, repeats), views, pictures)
        finally:
            client.shut_down()
            client.drain()
            client.close()


def run(bench: Bench, views: bool, pictures: Path | None) -> None:
    click.echo("| what | seconds | CPU seconds | started from |\n|---|---|---|---|")
    numbers = itertools.count(1)

    def saved(name: str, result: tuple[float, float, Finished]) -> tuple[float, float, Finished]:
        if pictures is not None:
            save(result[2].picture, pictures / f"{name}.png")
        return result

    for width, height in SIZES:
        size, clean = f"{width} × {height}", picture(SCENE, width, height)
        bench.one(clean, 50.0)  # loads the network, and measures the style
        bench.row(f"{size}, from the beginning", lambda clean=clean: bench.one(clean, 50.0))  # type: ignore[misc]
        bench.row(
            f"{size}, a changed setting",
            lambda clean=clean: bench.one(clean, 50.0 + next(numbers), adjust=True),  # type: ignore[misc]
        )
        for strokes in range(1, bench.repeats + 1):
            changed = picture(SCENE, width, height, strokes)
            bench.row(
                f"{size}, a stroke ({strokes})",
                lambda changed=changed, width=width, strokes=strokes: saved(  # type: ignore[misc]
                    f"stroke-{width}-{strokes}", bench.one(changed, 50.0, adjust=True)
                ),
                repeats=1,
            )
    if views:
        large, small = picture(SCENE, 4000, 3000), picture(SCENE, *SIZES[0])
        view = {"view": VIEW}
        bench.one(small, 50.0)
        name = f"{VIEW[2]} × {VIEW[3]} of 4000 × 3000"
        bench.row(f"{name}, the styles new at its sizes", lambda: bench.one(large, 50.0, adjust=True, **view), 1)
        bench.row(f"{name}, from the small draft", lambda: saved("view", bench.one(large, 50.0, adjust=True, **view)))
        bench.row(f"{name}, from the beginning", lambda: bench.one(large, 50.0, **view), 1)


def save(result: Picture, path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.frombytes("RGB", (result.width, result.height), bytes(result.data)).save(path)


if __name__ == "__main__":
    main()
