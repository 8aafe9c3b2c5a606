"""`velatura explain`: the figures of the paper for any two pictures, on one contact sheet."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import click

from velatura import __version__
from velatura.figures.explain import SIDE, Figure, figures
from velatura.i18n import _, lazy_text
from velatura.pixels import Picture
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.connect import connect, megapixel_limit
from velatura_daemon.terminal.file_names import shortened
from velatura_daemon.terminal.help_pages import Command
from velatura_daemon.terminal.options import DEVICE, FORCE, JSON, WEIGHTS, RestyleOptions, UserPath, weights_name
from velatura_daemon.terminal.output import Display, JsonLines, ProgressBar, report_failures
from velatura_daemon.terminal.restyle_task import metadata_of, run_restyle
from velatura_daemon.terminal.style_options import check_files_exist, read_style
from velatura_daemon.user_paths import make_folder


@click.command(
    cls=Command,
    help=_("Show what each layer of the network sees in PHOTO and in a painting: figures 1 and 3 of the paper."),
)
@click.argument("photo", type=UserPath(), metavar=_("PHOTO"))
@click.option("--style", "painting", type=UserPath(), required=True, metavar=_("PAINTING"), help=_("The painting."))
@click.option(
    "-o",
    "--output",
    type=UserPath(),
    help=_("File for the contact sheet. Default: PHOTO-explained.png beside the photo."),
)
@click.option("--pictures", type=UserPath(), metavar=_("FOLDER"), help=_("Also write each picture to this folder."))
@click.option(
    "--size", type=click.IntRange(16, 2048), default=SIDE, metavar=_("PIXELS"), help=_("Longest side of each picture.")
)
@click.option(
    "--iterations",
    type=click.IntRange(0, 20000),
    default=0,
    metavar=_("STEPS"),
    help=_("Steps for each picture; 0: chosen automatically."),
)
@WEIGHTS
@DEVICE
@FORCE
@JSON
def explain(
    photo: Path,
    painting: Path,
    output: Path | None,
    pictures: Path | None,
    size: int,
    iterations: int,
    weights: str,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    options = RestyleOptions(size, None, weights, device, force, as_json)
    with report_failures(as_json):
        _explain(photo, painting, output, pictures, iterations, options)


def _explain(
    photo: Path, painting: Path, output: Path | None, pictures: Path | None, iterations: int, options: RestyleOptions
) -> None:
    """Compute all figures and write the contact sheet; with a folder `pictures`, also each figure as a file."""
    from velatura_daemon.imaging.files import check_output, read_picture, to_display_rgb, write_picture

    started_at = time.monotonic()
    planned = [
        replace(f, settings=replace(f.settings, iterations=iterations or f.settings.iterations)) for f in figures()
    ]
    output = output or photo.with_name(f"{shortened(photo.stem)}-explained.png")
    check_output(output, options.force)
    files = _files_for(pictures, planned, options.force) if pictures else {}
    check_files_exist([photo, painting])
    limit = megapixel_limit()
    loaded = read_picture(
        photo,
        longest_side=options.size,
        max_megapixels=limit,
        compress_highlights=True,
        use="is explained",  # not translated: read_picture has a sentence for it
    )
    loaded_style = read_style(painting, limit)
    content, style = to_display_rgb(loaded.picture), loaded_style.picture
    results: dict[str, Picture] = {}
    display: Display = JsonLines() if options.as_json else ProgressBar()
    try:
        for note in (*loaded.notes, *loaded_style.notes):
            display.note(note)
        with connect() as client:
            for number, figure in enumerate(planned, start=1):
                display.item(figure.name, number, len(planned))
                done = run_restyle(
                    client,
                    display,
                    None,
                    content,
                    [(style, 1.0)],
                    figure.settings,
                    layer=f"explain {figure.name}",
                    remember=False,
                    weights=weights_name(options.weights),
                    device=options.device,
                )
                results[figure.name] = done.picture
                if figure.name in files:
                    description = json.dumps(metadata_of(done, figure.settings), ensure_ascii=False)
                    write_picture(files[figure.name], done.picture, description=description, force=options.force)
                    ending.kept(_("Pictures made so far are in {folder}.").format(folder=pictures))
        metadata = {
            "software": f"Velatura {__version__}",
            "weights": done.result.weights,
            "device": done.result.device,
            "seconds": round(time.monotonic() - started_at, 1),
            "figures": len(planned),
        }
        sheet = contact_sheet(arranged(planned, results, content, style), content.width, content.height)
        for note in write_picture(output, sheet, description=json.dumps(metadata), force=options.force):
            display.note(note)
        display.result(output=str(output), **metadata)
    finally:
        display.close()


def _files_for(folder: Path, planned: list[Figure], force: bool) -> dict[str, Path]:
    """Create the folder and return the file of each figure by name. Raises what would stop them from being written."""
    from velatura_daemon.imaging.files import check_output

    make_folder(folder)
    paths = {figure.name: folder / f"{figure.name}.png" for figure in planned}
    for path in paths.values():
        check_output(path, force)
    return paths


def arranged(
    planned: list[Figure], results: Mapping[str, Picture], photo: Picture, painting: Picture
) -> list[list[Cell]]:
    """Return the rows of the sheet: content figures beside the photo, style figures beside the painting, then the table
    beside the labels of its rows."""
    # Translators: captions of pictures on a sheet.
    captions = lazy_text("the photo"), lazy_text("the painting")
    first_cells = {  # not translated: groups of figures
        "Content": Cell(photo, captions[0]),
        "Style": Cell(painting, captions[1]),
    }
    previous_columns: list[str] = []  # column labels are shown once for consecutive rows that share them
    rows = []
    for (group, label), row in groupby(planned, key=lambda figure: (figure.group, figure.row)):
        row_figures = list(row)
        columns = [figure.column for figure in row_figures]
        labels = columns if columns != previous_columns else [""] * len(columns)
        cells = [Cell(results[figure.name], text) for figure, text in zip(row_figures, labels, strict=True)]
        rows.append([first_cells.get(group, Cell(label=label)), *cells])
        previous_columns = columns
    return rows
