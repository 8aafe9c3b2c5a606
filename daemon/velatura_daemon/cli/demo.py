"""`velatura demo`: sample pictures of the project's own making, restyled, side by side."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.output import Bar
from velatura_daemon.terminal.restyle_task import facts_of, follow

PAIRS = (("harbour_town", "night_swirls"), ("mountain_lake", "ember_waves"), ("harbour_town", "poppy_field"))


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("velatura-demo"), help="A folder for the pictures."
)
@click.option("--size", default=384, type=click.IntRange(64, 2048), metavar="PIXELS", help="Longest side.")
@click.option("--quality", default="draft", metavar="draft|good|best", help="How long to work on each.")
@click.option("--strength", default=45.0, help="How much style, 0 to 100.")
def demo(output: Path, size: int, quality: str, strength: float) -> None:
    """Restyle sample scenes with sample paintings, and say where the results lie."""
    from velatura_daemon.imaging.files import write_picture
    from velatura_daemon.samples import draw

    began = time.monotonic()
    settings = StyleSettings(quality=quality, strength=strength, composite=True)
    output.mkdir(parents=True, exist_ok=True)
    width, height = size, size * 3 // 4
    rows = []
    with connect() as client:
        for scene, painting in PAIRS:
            content, style = (_picture(draw(name, width, height)) for name in (scene, painting))
            show = Bar()
            try:
                done = follow(client, show, None, content, [(style, 1.0)], settings, layer=f"{scene} {painting}")
            finally:
                show.close()
            name = output / f"{scene}-in-{painting}.png"
            write_picture(name, done.picture, description=str(facts_of(done, settings)), force=True)
            click.echo(f"{name}  ({done.result.seconds:.1f} s, weights: {done.result.weights})")
            rows.append([Cell(content), Cell(style), Cell(done.picture)])
    sheet = output / "contact-sheet.jpg"
    write_picture(sheet, contact_sheet(rows, width, height), description="Scene, painting, result", force=True)
    click.echo(f"{sheet}  (scene, painting, result; {time.monotonic() - began:.0f} s in all)")


def _picture(pixels: Any) -> Picture:
    """pixels: (H, W, 3), uint8."""
    return Picture(pixels.shape[1], pixels.shape[0], PixelFormat("RGB", "u8"), pixels.tobytes())
