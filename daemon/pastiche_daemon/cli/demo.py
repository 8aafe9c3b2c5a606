"""`pastiche demo`: sample pictures of the project's own making, restyled, side by side."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from pastiche.pixels import Picture, PixelFormat
from pastiche.settings import StyleSettings
from pastiche_daemon.cli.connect import connect
from pastiche_daemon.cli.restyle import facts_of, follow
from pastiche_daemon.cli.show import Bar

PAIRS = (("harbour_town", "night_swirls"), ("mountain_lake", "ember_waves"), ("harbour_town", "poppy_field"))


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("pastiche-demo"), help="A folder for the pictures."
)
@click.option("--size", default=384, type=click.IntRange(64, 2048), metavar="PIXELS", help="Longest side.")
@click.option("--quality", default="draft", metavar="draft|good|best", help="How long to work on each.")
@click.option("--strength", default=45.0, help="How much style, 0 to 100.")
def demo(output: Path, size: int, quality: str, strength: float) -> None:
    """Restyle sample scenes with sample paintings, and say where the results lie."""
    from pastiche_daemon.samples import draw

    began = time.monotonic()
    settings = StyleSettings(quality=quality, strength=strength, composite=True)
    output.mkdir(parents=True, exist_ok=True)
    width, height = size, size * 3 // 4
    rows = []
    with connect() as client:
        for scene, painting in PAIRS:
            content, style = draw(scene, width, height), draw(painting, width, height)
            show = Bar()
            try:
                done = follow(
                    client,
                    show,
                    None,
                    _picture(content),
                    [(_picture(style), 1.0)],
                    settings,
                    layer=f"{scene} {painting}",
                )
            finally:
                show.close()
            name = output / f"{scene}-in-{painting}.png"
            _save(name, done.picture.data, width, height, facts_of(done, settings))
            click.echo(f"{name}  ({done.result.seconds:.1f} s, weights: {done.result.weights})")
            rows.append((content, style, done.picture.data))
    sheet = output / "contact-sheet.jpg"
    _contact_sheet(rows, width, height).save(sheet, quality=90, subsampling=0)
    click.echo(f"{sheet}  (scene, painting, result; {time.monotonic() - began:.0f} s in all)")


def _picture(pixels: Any) -> Picture:
    """pixels: (H, W, 3), uint8."""
    return Picture(pixels.shape[1], pixels.shape[0], PixelFormat("RGB", "u8"), pixels.tobytes())


def _save(path: Path, data: Any, width: int, height: int, facts: dict[str, Any]) -> None:
    from pastiche_daemon.imagefiles import write_picture

    write_picture(path, Picture(width, height, PixelFormat("RGB", "u8"), data), description=str(facts), force=True)


def _contact_sheet(rows: list[tuple[Any, Any, Any]], width: int, height: int) -> Any:
    from PIL import Image

    gap = 8
    sheet = Image.new("RGB", (3 * width + 4 * gap, len(rows) * (height + gap) + gap), "white")
    for line, row in enumerate(rows):
        for column, pixels in enumerate(row):
            image = Image.frombytes("RGB", (width, height), bytes(pixels))
            sheet.paste(image, (gap + column * (width + gap), gap + line * (height + gap)))
    return sheet
