"""`velatura explain`: the article's figures for any two pictures, on one sheet."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import click

from velatura import __version__
from velatura.errors import UsageError
from velatura.figures.explain import SIDE, Figure, figures
from velatura.pixels import Picture
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.options import DEVICE, FORCE, JSON, WEIGHTS, weights_name
from velatura_daemon.terminal.output import Bar, Lines, Show, failures_told
from velatura_daemon.terminal.restyle_task import facts_of, follow
from velatura_daemon.terminal.style_options import read_style


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option(
    "--style", "painting", type=click.Path(path_type=Path), required=True, metavar="PAINTING", help="The painting."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The sheet. Default: PHOTO-explained.png beside the photo."
)
@click.option(
    "--pictures", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep each picture in this folder, too."
)
@click.option(
    "--size", type=click.IntRange(16, 2048), default=SIDE, metavar="PIXELS", help="Longest side of each picture."
)
@click.option(
    "--iterations",
    type=click.IntRange(0, 20000),
    default=0,
    metavar="STEPS",
    help="For each picture; 0: what suits it.",
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
    """Show what each layer knows of PHOTO and a painting: figures 1 and 3 of the article, on a sheet."""
    with failures_told(as_json):
        _explain(photo, painting, output, pictures, size, iterations, weights, device, force, as_json)


def _explain(
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
    from velatura_daemon.imaging.files import as_on_screen, check_output, read_picture, write_picture

    began = time.monotonic()
    wanted = [
        replace(f, settings=replace(f.settings, iterations=iterations or f.settings.iterations)) for f in figures()
    ]
    output = output or photo.with_name(f"{photo.stem}-explained.png")
    check_output(output, force)
    kept = _places(pictures, wanted, force) if pictures else {}
    content = as_on_screen(read_picture(photo, longest_side=size).picture)
    style = read_style(painting)
    results: dict[str, Picture] = {}
    show: Show = Lines() if as_json else Bar()
    try:
        with connect() as client:
            for number, figure in enumerate(wanted, start=1):
                show.item(figure.name, number, len(wanted))
                done = follow(
                    client,
                    show,
                    None,
                    content,
                    [(style, 1.0)],
                    figure.settings,
                    layer=f"explain {figure.name}",
                    remember=False,
                    weights=weights_name(weights),
                    device=device,
                )
                results[figure.name] = done.picture
                if figure.name in kept:
                    description = json.dumps(facts_of(done, figure.settings), ensure_ascii=False)
                    write_picture(kept[figure.name], done.picture, description=description, force=force)
        facts = {
            "software": f"Velatura {__version__}",
            "weights": done.result.weights,
            "device": done.result.device,
            "seconds": round(time.monotonic() - began, 1),
            "figures": len(wanted),
        }
        sheet = contact_sheet(arranged(wanted, results, content, style), content.width, content.height)
        for note in write_picture(output, sheet, description=json.dumps(facts), force=force):
            show.note(note)
        show.result(output=str(output), **facts)
    finally:
        show.close()


def _places(folder: Path, wanted: list[Figure], force: bool) -> dict[str, Path]:
    """Where each picture will lie; the folder is made. Raises what would keep them from being written."""
    from velatura_daemon.imaging.files import check_output

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"There can be no folder {folder} ({error.strerror}). Give another name.") from error
    paths = {figure.name: folder / f"{figure.name}.png" for figure in wanted}
    for path in paths.values():
        check_output(path, force)
    return paths


def arranged(
    wanted: list[Figure], results: Mapping[str, Picture], photo: Picture, painting: Picture
) -> list[list[Cell]]:
    """The sheet's rows: contents beside the photo, styles beside the painting, then the table beside its rows'
    labels."""
    beside = {"Content": Cell(photo, "the photo"), "Style": Cell(painting, "the painting")}
    above: list[str] = []  # what the row above is labelled with: a table says its columns once
    rows = []
    for (group, label), line in groupby(wanted, key=lambda figure: (figure.group, figure.row)):
        cells = list(line)
        columns = [figure.column for figure in cells]
        shown = columns if columns != above else [""] * len(columns)
        rows.append(
            [
                beside.get(group, Cell(label=label)),
                *(Cell(results[figure.name], word) for figure, word in zip(cells, shown, strict=True)),
            ]
        )
        above = columns
    return rows
