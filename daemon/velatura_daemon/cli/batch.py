"""`velatura batch`: restyle many pictures, such as a folder of photos or the frames of a film."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from velatura.errors import UsageError
from velatura.i18n import _, lazy_text
from velatura.settings import StyleSettings
from velatura_daemon.terminal.connect import megapixel_limit
from velatura_daemon.terminal.file_names import results_folder, shortened
from velatura_daemon.terminal.help_pages import Command
from velatura_daemon.terminal.options import (
    DEVICE,
    FORCE,
    JSON,
    MASK,
    PAGE,
    PARTS,
    REGIONS,
    SALVAGE,
    SIZE,
    STRIP_METADATA,
    STYLE_PAGE,
    STYLES,
    WEIGHTS,
    RestyleOptions,
    UserPath,
    weights_name,
)
from velatura_daemon.terminal.output import report_failures
from velatura_daemon.terminal.setting_options import setting_options, settings_from
from velatura_daemon.terminal.style_options import Painting, Pairs, check_files_exist, files_of, parse_paintings
from velatura_daemon.user_paths import is_folder, real_path

if TYPE_CHECKING:  # importing these loads NumPy, which help pages do not need
    from velatura_daemon.batch.frames import Frame
    from velatura_daemon.batch.items import Outcome
    from velatura_daemon.batch.manifest import Manifest
    from velatura_daemon.batch.output import BatchDisplay


@click.command(
    cls=Command,
    help="\n\n".join(
        (
            _("Restyle PICTURES, several at a time: files, folders, and patterns such as 'shots/*.jpg'."),
            _(
                "Results keep the names and subfolders of their pictures. Run the command again to continue an "
                "interrupted batch: pictures that already have a result with these settings are skipped."
            ),
        )
    ),
)
@click.argument("pictures", nargs=-1, required=True, type=UserPath(), metavar=_("PICTURES..."))
@STYLES
@REGIONS
@PARTS
@click.option(
    "-o",
    "--out",
    type=UserPath(),
    metavar=_("DIR"),
    help=_("Folder for the results. Default: FOLDER-in-PAINTING beside a FOLDER; pictures-in-PAINTING beside files."),
)
@click.option("-r", "--recursive", is_flag=True, help=_("Also restyle the pictures in subfolders."))
@SIZE
@MASK
@PAGE
@STYLE_PAGE
@SALVAGE
@WEIGHTS
@DEVICE
@STRIP_METADATA
@FORCE
@JSON
@setting_options
def batch(
    pictures: tuple[Path, ...],
    styles: tuple[str, ...],
    regions: Pairs,
    parts: Pairs,
    out: Path | None,
    recursive: bool,
    size: int | None,
    mask: Path | None,
    page: int | None,
    style_page: int | None,
    salvage: bool,
    weights: str,
    device: str,
    strip_metadata: bool,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    with report_failures(as_json):
        paintings, settings = parse_paintings(styles, regions, parts), settings_from(values)
        options = RestyleOptions(
            size,
            mask,
            weights,
            device,
            force,
            as_json,
            strip_metadata,
            page=page,
            style_page=style_page,
            salvage=salvage,
        )
        all_made = restyle_all(pictures, paintings, out, settings, options, recursive=recursive)
    if not all_made:
        raise SystemExit(1)


def restyle_all(
    pictures: Sequence[Path],
    paintings: list[Painting],
    out: Path | None,
    settings: StyleSettings,
    options: RestyleOptions,
    *,
    recursive: bool = False,
) -> bool:
    """Restyle pictures into the folder `out`. pictures, recursive: as for `find_pictures`. Returns whether every
    picture has a result. Raises errors that concern all pictures."""
    from velatura_daemon.batch.frames import frames_for
    from velatura_daemon.batch.inputs import find_pictures
    from velatura_daemon.batch.manifest import Manifest
    from velatura_daemon.batch.output import BatchJsonLines, BatchProgressBar
    from velatura_daemon.batch.recipe import recipe_of
    from velatura_daemon.batch.session import restyle_frames

    started_at = time.monotonic()
    files = files_of(paintings, options.mask)
    if out is None and len(pictures) == 1 and is_folder(pictures[0]):
        out = results_folder(pictures[0], paintings[0].path)
    found = find_pictures(pictures, files, recursive=recursive, out=out)
    out = out or found.base / f"pictures-in-{shortened(paintings[0].path.stem)}"
    frames = frames_for(found.photos, out, found.base)
    _check_separate(frames)
    weights = weights_name(options.weights)
    check_files_exist(files)
    recipe = recipe_of(paintings, settings, options, weights, megapixel_limit())
    display: BatchDisplay = BatchJsonLines() if options.as_json else BatchProgressBar()
    try:
        with Manifest(out) as manifest:
            todo = [frame for frame in frames if not manifest.has(frame, recipe)]
            already = len(frames) - len(todo)
            display.started(len(todo), already, found.ignored)
            for note in recipe.pictures.notes:
                display.note(note)
            run = restyle_frames(todo, already, lambda _: recipe, manifest, display, force=options.force)
            outcome = run.outcome
            sheet = _write_sheet(frames, outcome, manifest, display, options.force)
        display.summary(
            output=str(out),
            made=len(outcome.made),
            already=already,
            seconds=round(time.monotonic() - started_at, 3),
            per_minute=round(max(0.0, run.pace.per_minute()), 3),
            weights=outcome.weights,
            device=outcome.device,
            contact_sheet=str(sheet) if sheet else "",
            failed=_failures(frames, outcome),
        )
    finally:
        display.close()
    return not outcome.failed


def _check_separate(frames: Sequence[Frame]) -> None:
    """Raise UsageError if a result would be written into a folder of pictures."""
    among = {real_path(path) for path in {frame.photo.parent for frame in frames}}
    for folder in {frame.output.parent for frame in frames}:
        if real_path(folder) in among:
            raise UsageError(
                lazy_text(
                    "The results would be written among the pictures in {folder}. Give another folder with --out.",
                    folder=str(folder),
                )
            )


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
        {"name": frame.name, "code": error.code, "sentence": error.sentence}
        for frame, error in sorted(outcome.failed, key=lambda failure: order[failure[0]])
    ]
