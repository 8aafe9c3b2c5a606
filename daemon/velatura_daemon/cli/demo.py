"""`velatura demo`: restyle the project's own sample pictures and show them side by side."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.output import ProgressBar
from velatura_daemon.terminal.restyle_task import metadata_of, run_restyle

PAIRS = (("harbour_town", "night_swirls"), ("mountain_lake", "ember_waves"), ("harbour_town", "poppy_field"))


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("velatura-demo"), help="Folder for the pictures."
)
@click.option("--size", default=384, type=click.IntRange(64, 2048), metavar="PIXELS", help="Longest side.")
@click.option("--quality", default="draft", metavar="draft|good|best", help="Quality of each restyle.")
@click.option("--strength", default=45.0, help="Strength of the style, 0 to 100.")
def demo(output: Path, size: int, quality: str, strength: float) -> None:
    """Restyle sample scenes with sample paintings, and print where the results are."""
    from velatura_daemon.imaging.files import write_picture
    from velatura_daemon.samples import draw

    started_at = time.monotonic()
    settings = StyleSettings(quality=quality, strength=strength, composite=True)
    output.mkdir(parents=True, exist_ok=True)
    width, height = size, size * 3 // 4
    rows = []
    with connect() as client:
        for scene, painting in PAIRS:
            content, style = (_picture(draw(name, width, height)) for name in (scene, painting))
            display = ProgressBar()
            try:
                done = run_restyle(
                    client, display, None, content, [(style, 1.0)], settings, layer=f"{scene} {painting}"
                )
            finally:
                display.close()
            file = output / f"{scene}-in-{painting}.png"
            write_picture(file, done.picture, description=str(metadata_of(done, settings)), force=True)
            click.echo(f"{file}  ({done.result.seconds:.1f} s, weights: {done.result.weights})")
            rows.append([Cell(content), Cell(style), Cell(done.picture)])
    sheet = output / "contact-sheet.jpg"
    write_picture(sheet, contact_sheet(rows, width, height), description="Scene, painting, result", force=True)
    click.echo(f"{sheet}  (scene, painting, result; {time.monotonic() - started_at:.0f} s in total)")


def _picture(pixels: Any) -> Picture:
    """pixels: (H, W, 3), uint8."""
    return Picture(pixels.shape[1], pixels.shape[0], PixelFormat("RGB", "u8"), pixels.tobytes())
