"""`velatura batch`: restyle every picture of a folder, or the frames of a film."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    RestyleOptions,
    weights_name,
)
from velatura_daemon.terminal.output import report_failures
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.setting_options import setting_options, settings_from
from velatura_daemon.terminal.style_options import Painting, Pairs, parse_paintings

if TYPE_CHECKING:  # importing these loads NumPy, which help pages do not need
    from velatura_daemon.batch.frames import Frame
    from velatura_daemon.batch.items import Outcome
    from velatura_daemon.batch.manifest import Manifest
    from velatura_daemon.batch.output import BatchDisplay
    from velatura_daemon.batch.recipe import Recipe


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
    help="Folder for the results. Default: FOLDER-in-PAINTING beside FOLDER.",
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
    """Restyle all pictures in FOLDER, several at a time.

    Results have the names of their pictures. Run the command again to continue an interrupted batch: pictures that
    already have a result with these settings are skipped.
    """
    with report_failures(as_json):
        paintings, settings = parse_paintings(styles, regions, parts), settings_from(values)
        options = RestyleOptions(size, mask, weights, device, force, as_json)
        all_made = restyle_folder(folder, paintings, out, settings, options)
    if not all_made:
        raise SystemExit(1)


def restyle_folder(
    folder: Path, paintings: list[Painting], out: Path | None, settings: StyleSettings, options: RestyleOptions
) -> bool:
    """Restyle the pictures of a folder into the folder `out`. Returns whether every picture has a result. Raises errors
    that concern all pictures."""
    from velatura_daemon.batch.frames import frames_for, pictures_in
    from velatura_daemon.batch.manifest import Manifest
    from velatura_daemon.batch.output import BatchJsonLines, BatchProgressBar
    from velatura_daemon.batch.recipe import recipe_of

    started_at = time.monotonic()
    masks = [path for painting in paintings for path in (painting.path, painting.region, painting.part) if path]
    found = pictures_in(folder, [*masks, *([options.mask] if options.mask else [])])
    out = out or default_folder(folder, paintings[0].path)
    if out.resolve() == folder.resolve():
        raise UsageError(
            f"The results would be written among the pictures in {folder}. Give another folder with --out."
        )
    weights = weights_name(options.weights)
    recipe = recipe_of(paintings, settings, options.size, options.mask, weights, options.device)
    display: BatchDisplay = BatchJsonLines() if options.as_json else BatchProgressBar()
    try:
        with Manifest(out) as manifest:
            frames = frames_for(found.photos, out)
            todo = [frame for frame in frames if not manifest.has(frame, recipe)]
            already = len(frames) - len(todo)
            display.started(len(todo), already, found.ignored)
            outcome, per_minute = _run(todo, already, recipe, manifest, display, options.force)
            sheet = _write_sheet(frames, outcome, manifest, display, options.force)
        display.summary(
            output=printable(out),
            made=len(outcome.made),
            already=already,
            seconds=round(time.monotonic() - started_at, 3),
            per_minute=round(max(0.0, per_minute), 3),
            weights=outcome.weights,
            device=outcome.device,
            contact_sheet=printable(sheet) if sheet else "",
            failed=_failures(frames, outcome),
        )
    finally:
        display.close()
    return not outcome.failed


def _run(
    todo: list[Frame], already: int, recipe: Recipe, manifest: Manifest, display: BatchDisplay, force: bool
) -> tuple[Outcome, float]:
    """Restyle the frames. Returns the outcome, and how many pictures were restyled per minute."""
    from velatura_daemon.batch.runner import BatchRun

    with connect() as client:
        run = BatchRun(client, recipe, manifest, display, force=force)
        try:
            outcome = run.run(todo)
        except BaseException as error:
            client.disconnect()  # the daemon saves the progress of the running restyles
            if isinstance(error, (KeyboardInterrupt, VelaturaError)):
                display.note(
                    f"{already + len(run.outcome.made)} of {already + len(todo)} pictures are done, in "
                    f"{printable(manifest.folder)}. Run the same command again to continue."
                )
            raise
    return outcome, run.pace.per_minute()


def _write_sheet(
    frames: Sequence[Frame], outcome: Outcome, manifest: Manifest, display: BatchDisplay, force: bool
) -> Path | None:
    """Write the contact sheet of all results. Returns its path, or None if there is none."""
    from velatura_daemon.batch.contact_sheet import write_sheet

    failed = {frame for frame, _ in outcome.failed}
    results = [frame.output for frame in frames if frame not in failed]
    sheet, reason = write_sheet(results, manifest, force=force, changed=bool(outcome.made))
    if reason:
        display.note(reason)
    return sheet


def _failures(frames: Sequence[Frame], outcome: Outcome) -> list[dict[str, str]]:
    """Return the failures in the order of the frames, for the summary."""
    order = {frame: number for number, frame in enumerate(frames)}
    return [
        {"name": printable(frame.photo.name), "code": error.code, "sentence": printable(error.sentence)}
        for frame, error in sorted(outcome.failed, key=lambda failure: order[failure[0]])
    ]


def default_folder(folder: Path, style: Path) -> Path:
    """Return a folder beside `folder`, also if that is given as '.'."""
    folder = folder.resolve()
    return folder.with_name(f"{folder.name}-in-{style.stem}")
