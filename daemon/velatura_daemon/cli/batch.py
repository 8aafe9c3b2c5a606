"""`velatura batch`: every picture of a folder with a painting, or frames of a film."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from velatura.errors import UsageError, VelaturaError
from velatura.settings import StyleSettings
from velatura_daemon.terminal.connect import connect
from velatura_daemon.terminal.options import (
    DEVICE,
    FORCE,
    JSON,
    MASK,
    PARTS,
    REGIONS,
    SIZE,
    STYLES,
    WEIGHTS,
    weights_name,
)
from velatura_daemon.terminal.output import failures_told
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.setting_options import setting_options, settings_from
from velatura_daemon.terminal.style_options import Painting, Pairs, paintings_of


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@STYLES
@REGIONS
@PARTS
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="For the results. Default: FOLDER-in-PAINTING beside FOLDER.",
)
@SIZE
@MASK
@WEIGHTS
@DEVICE
@FORCE
@JSON
@setting_options
def batch(
    folder: Path,
    styles: tuple[str, ...],
    regions: Pairs,
    parts: Pairs,
    out: Path | None,
    size: int | None,
    mask: Path | None,
    weights: str,
    device: str,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Restyle all pictures of FOLDER, several at once; again, it goes on where it stopped.

    Results have their pictures' names. Those that are there, made of the same picture in the same way, are not made
    again.
    """
    with failures_told(as_json):
        paintings, settings = paintings_of(styles, regions, parts), settings_from(values)
        all_made = restyle_folder(folder, paintings, out, size, mask, weights, device, force, as_json, settings)
    if not all_made:
        raise SystemExit(1)


def restyle_folder(
    folder: Path,
    paintings: list[Painting],
    out: Path | None,
    size: int | None,
    mask: Path | None,
    weights: str,
    device: str,
    force: bool,
    as_json: bool,
    settings: StyleSettings,
) -> bool:
    """A folder of pictures, paintings' files, a folder of results. Whether every picture has one. Raises what keeps all
    of them from being made."""
    from velatura_daemon.batch.contact_sheet import write_sheet
    from velatura_daemon.batch.frames import framed, pictures_in
    from velatura_daemon.batch.manifest import Manifest
    from velatura_daemon.batch.output import BatchBar, BatchLines, BatchShow
    from velatura_daemon.batch.recipe import recipe_of
    from velatura_daemon.batch.runner import Run

    began = time.monotonic()
    masks = [path for painting in paintings for path in (painting.path, painting.region, painting.part) if path]
    found = pictures_in(folder, [*masks, *([mask] if mask else [])])
    out = out or default_folder(folder, paintings[0].path)
    if out.resolve() == folder.resolve():
        raise UsageError(f"The results would lie among the pictures in {folder}. Give another folder with --out.")
    recipe = recipe_of(paintings, settings, size, mask, weights_name(weights), device)
    show: BatchShow = BatchLines() if as_json else BatchBar()
    try:
        with Manifest(out) as ledger:
            frames = framed(found.photos, out)
            todo = [frame for frame in frames if not ledger.has(frame, recipe)]
            already = len(frames) - len(todo)
            show.begins(len(todo), already, found.passed_over)
            with connect() as client:
                run = Run(client, recipe, ledger, show, force=force)
                try:
                    outcome = run.through(todo)
                except BaseException as error:
                    client.disconnect()  # what is done by now of those in work stays kept
                    if isinstance(error, (KeyboardInterrupt, VelaturaError)):
                        show.note(
                            f"{already + len(run.outcome.made)} of {len(frames)} pictures are done, in "
                            f"{printable(out)}. "
                            "Run the same command again to go on."
                        )
                    raise
            a_minute = max(0.0, run.pace.a_minute())
            order = {frame: number for number, frame in enumerate(frames)}
            failed = sorted(outcome.failed, key=lambda one: order[one[0]])
            without = {frame for frame, _ in failed}
            lying = [frame.output for frame in frames if frame not in without]
            sheet, why_not = write_sheet(lying, ledger, force=force, changed=bool(outcome.made))
            if why_not:
                show.note(why_not)
        show.summary(
            output=printable(out),
            made=len(outcome.made),
            already=already,
            seconds=round(time.monotonic() - began, 3),
            a_minute=round(a_minute, 3),
            weights=outcome.weights,
            device=outcome.device,
            contact_sheet=printable(sheet) if sheet else "",
            failed=[
                {"name": printable(frame.photo.name), "code": error.code, "sentence": printable(error.sentence)}
                for frame, error in failed
            ],
        )
    finally:
        show.close()
    return not outcome.failed


def default_folder(folder: Path, style: Path) -> Path:
    """Beside the folder, also where it is said as '.'."""
    whole = folder.resolve()
    return whole.with_name(f"{whole.name}-in-{style.stem}")
