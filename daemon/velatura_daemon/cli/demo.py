"""`velatura demo`: restyle the project's own sample pictures and show them side by side."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from velatura.i18n import _
from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.console import echo
from velatura_daemon.terminal.help_pages import Command
from velatura_daemon.terminal.options import UserPath
from velatura_daemon.terminal.output import ProgressBar
from velatura_daemon.terminal.restyle_task import metadata_of, run_restyle
from velatura_daemon.user_paths import make_folder

PAIRS = (("harbour_town", "night_swirls"), ("mountain_lake", "ember_waves"), ("harbour_town", "poppy_field"))


@click.command(cls=Command, help=_("Restyle sample scenes with sample paintings, and print where the results are."))
@click.option("-o", "--output", type=UserPath(), default=Path("velatura-demo"), help=_("Folder for the pictures."))
@click.option("--size", default=384, type=click.IntRange(64, 2048), metavar=_("PIXELS"), help=_("Longest side."))
@click.option("--quality", default="draft", metavar="draft|good|best", help=_("Quality of each restyle."))
@click.option("--strength", default=45.0, metavar=_("N"), help=_("Strength of the style, 0 to 100."))
def demo(output: Path, size: int, quality: str, strength: float) -> None:
    from velatura_daemon.imaging.files import write_picture
    from velatura_daemon.samples import draw

    started_at = time.monotonic()
    settings = StyleSettings(quality=quality, strength=strength, composite=True)
    make_folder(output)
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
            ending.kept(_("Pictures made so far are in {folder}.").format(folder=output))
            # Translators: how long a picture took, and what was used.
            facts = _("({seconds:.1f} s, weights: {weights})")
            echo(f"{file}  {facts.format(seconds=done.result.seconds, weights=done.result.weights)}")
            rows.append([Cell(content), Cell(style), Cell(done.picture)])
    sheet = output / "contact-sheet.jpg"
    description = "Scene, painting, result"  # not translated: metadata
    write_picture(sheet, contact_sheet(rows, width, height), description=description, force=True)
    # Translators: what a sheet shows, and how long all pictures took.
    facts = _("(scene, painting, result; {seconds:.0f} s in total)")
    echo(f"{sheet}  {facts.format(seconds=time.monotonic() - started_at)}")


def _picture(pixels: Any) -> Picture:
    """pixels: (H, W, 3), uint8."""
    return Picture(pixels.shape[1], pixels.shape[0], PixelFormat("RGB", "u8"), pixels.tobytes())
