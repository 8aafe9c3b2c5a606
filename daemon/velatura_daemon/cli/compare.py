"""`velatura compare`: the same photos in several styles and settings, on one sheet."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from velatura.client.client import Client
from velatura.errors import UsageError, VelaturaError
from velatura.i18n import _, lazy_plural, lazy_text, sentences
from velatura.settings import setting_specs
from velatura_daemon.terminal.connect import connect, megapixel_limit
from velatura_daemon.terminal.console import echo
from velatura_daemon.terminal.file_names import shortened
from velatura_daemon.terminal.help_pages import Command
from velatura_daemon.terminal.options import (
    DEVICE,
    FORCE,
    JSON,
    MASK,
    PAGE,
    SALVAGE,
    SIZE,
    STRIP_METADATA,
    STYLE_PAGE,
    WEIGHTS,
    RestyleOptions,
    UserPath,
    weights_name,
)
from velatura_daemon.terminal.output import report_failures
from velatura_daemon.terminal.presets import is_given
from velatura_daemon.terminal.questions import confirm
from velatura_daemon.terminal.setting_options import list_options, variants_from
from velatura_daemon.terminal.style_options import check_files_exist, parse_paintings
from velatura_daemon.user_paths import real_path

if TYPE_CHECKING:  # importing these loads NumPy, which help pages do not need
    from velatura_daemon.batch.comparison import Comparison
    from velatura_daemon.batch.comparison_sheet import Thumbnails
    from velatura_daemon.batch.frames import Frame
    from velatura_daemon.batch.manifest import Manifest
    from velatura_daemon.batch.output import BatchDisplay
    from velatura_daemon.batch.recipe import Recipe
    from velatura_daemon.batch.runner import BatchRun

ASK_ABOVE = 50  # restyles
MAX_ESTIMATES = 16  # requested from the daemon; more different restyles are estimated by their mean


@click.command(
    cls=Command,
    help="\n\n".join(
        (
            _("Restyle PHOTO in several styles and settings, and show the results on one sheet."),
            _(
                "Each setting takes several values, separated by commas: --strength 25,50,75. All combinations are "
                "restyled, as drafts unless --quality is given. Run the command again to continue: finished restyles "
                "are kept."
            ),
        )
    ),
)
@click.argument("photos", nargs=-1, required=True, type=UserPath(), metavar=_("PHOTO…"))
@click.option(
    "--style",
    "styles",
    multiple=True,
    required=True,
    metavar=_("PAINTING"),
    help=_("A painting; repeat the option for several."),
)
@click.option(
    "-o",
    "--out",
    type=UserPath(),
    metavar=_("DIR"),
    help=_("Folder for the pictures and the sheet. Default: PHOTO-compared beside the first photo."),
)
@click.option(
    "-y",
    "--yes",
    is_flag=True,
    help=_("Start without asking, even for more than {number} restyles.").format(number=ASK_ABOVE),
)
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
@list_options(quality="draft")
def compare(
    photos: tuple[Path, ...],
    styles: tuple[str, ...],
    out: Path | None,
    yes: bool,
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
        all_made = compare_files(list(photos), styles, values, out, options, yes=yes)
    if not all_made:
        raise SystemExit(1)


def compare_files(
    photos: list[Path],
    styles: Sequence[str],
    values: dict[str, Any],
    out: Path | None,
    options: RestyleOptions,
    *,
    yes: bool,
) -> bool:
    """Restyle all combinations into the folder `out`. Returns whether each has a result. Raises errors that concern all
    of them."""
    from velatura_daemon.batch.comparison import MAX_RESTYLES, number_of_restyles
    from velatura_daemon.batch.comparison import compare as plan
    from velatura_daemon.batch.manifest import Manifest
    from velatura_daemon.batch.output import BatchJsonLines, BatchProgressBar, picture_count

    started_at = time.monotonic()
    photos, paintings = _different(photos), _different(_paths_of(styles))
    variations, variants = variants_from(values, MAX_RESTYLES)
    number = number_of_restyles(photos, paintings, variations)
    if number > MAX_RESTYLES:
        raise UsageError(
            # Translators: pictures, styles and combinations: such as “3 pictures”, “2 styles”, “100 combinations of
            # settings”.
            lazy_text(
                "These are {number} restyles: {pictures} × {styles} × {combinations}. Up to {most} are possible: give "
                "fewer values, or compare in several parts.",
                number=number,
                pictures=picture_count(len(photos)),
                styles=lazy_plural("{count} style", "{count} styles", len(paintings)),
                combinations=lazy_plural(
                    "{count} combination of settings",
                    "{count} combinations of settings",
                    number // len(photos) // len(paintings),
                ),
                most=MAX_RESTYLES,
            )
        )
    check_files_exist([*photos, *paintings, *([options.mask] if options.mask else [])])
    out = out or default_folder(photos[0])
    named = [name for name in setting_specs() if is_given(name)]
    comparison, planned = plan(photos, paintings, variations, variants, named, out)
    limit, weights = megapixel_limit(), weights_name(options.weights)
    recipes = _recipes(paintings, planned, options, weights, limit)
    with Manifest(out) as manifest:
        todo = [frame for frame, recipe in recipes.items() if not manifest.has(frame, recipe)]
        thumbnails, sizes = _thumbnails(photos, paintings, options)
        announcement = _announcement(todo, len(recipes), recipes, sizes)
        asked = len(todo) > ASK_ABOVE and not yes
        if asked and not sys.stdin.isatty():
            raise UsageError(sentences(announcement, lazy_text("Add --yes to start this many without being asked.")))
        if asked:
            echo(announcement, err=True)
            confirm(_("Start?"))
        display: BatchDisplay = BatchJsonLines() if options.as_json else BatchProgressBar()
        try:
            if todo and not asked:
                display.note(announcement)
            display.started(len(todo), len(recipes) - len(todo), "")
            for note in dict.fromkeys(note for recipe in recipes.values() for note in recipe.pictures.notes):
                display.note(note)
            run, sheet = _run(todo, recipes, comparison, thumbnails, manifest, display, options.force)
            outcome = run.outcome
            display.summary(
                output=str(out),
                made=len(outcome.made),
                already=len(recipes) - len(todo),
                seconds=round(time.monotonic() - started_at, 3),
                per_minute=round(max(0.0, run.pace.per_minute()), 3),
                weights=outcome.weights,
                device=outcome.device,
                contact_sheet=str(sheet) if sheet else "",
                failed=[
                    {"name": frame.output.name, "code": error.code, "sentence": error.sentence}
                    for frame, error in outcome.failed
                ],
            )
        finally:
            display.close()
    return not outcome.failed


def _different(paths: Sequence[Path]) -> list[Path]:
    """Return the paths without repetitions of the same file, in order."""
    return list({real_path(path): path for path in reversed(paths)}.values())[::-1]


def _paths_of(styles: Sequence[str]) -> list[Path]:
    paintings = parse_paintings(styles, [], [])
    for text, painting in zip(styles, paintings, strict=True):
        if str(painting.path) != str(Path(text)):
            raise UsageError(
                lazy_text(
                    "--style {typed} has a share. Each --style is compared by itself: give only its file.", typed=text
                )
            )
    return [painting.path for painting in paintings]


def _recipes(
    paintings: Sequence[Path],
    planned: Mapping[Frame, tuple[int, Any]],
    options: RestyleOptions,
    weights: str,
    limit: float,
) -> dict[Frame, Recipe]:
    """Return how each frame is restyled. Each painting is read once."""
    from velatura_daemon.batch.recipe import recipes_of
    from velatura_daemon.terminal.style_options import Painting

    each_settings = list(dict.fromkeys(settings for _, settings in planned.values()))
    by_style = []
    for path in paintings:
        made = recipes_of([Painting(path, 1.0)], each_settings, options, weights, limit)
        by_style.append(dict(zip(each_settings, made, strict=True)))
    return {frame: by_style[style][settings] for frame, (style, settings) in planned.items()}


def _thumbnails(
    photos: Sequence[Path], paintings: Sequence[Path], options: RestyleOptions
) -> tuple[Thumbnails, dict[Path, tuple[int, int]]]:
    """Return small versions of the pictures, and the sizes at which the photos are restyled. A photo that cannot be
    read has neither: it is reported when it is restyled."""
    from velatura_daemon.batch.comparison_sheet import SIDES, Thumbnails
    from velatura_daemon.imaging.contact_sheet import thumbnail
    from velatura_daemon.imaging.files import read_picture
    from velatura_daemon.imaging.files.resize import fitted_size

    sizes: dict[Path, tuple[int, int]] = {}

    def small(path: Path, page: int | None) -> Any:
        try:
            loaded = read_picture(path, at_most=SIDES[0], page=page, salvage=options.salvage, compress_highlights=True)
        except VelaturaError:
            return None
        sizes[path] = fitted_size(loaded.original_width, loaded.original_height, options.size)
        return thumbnail(loaded.picture, SIDES[0], SIDES[0])

    small_photos = [small(path, options.page) for path in photos]
    return Thumbnails(small_photos, [small(path, options.style_page) for path in paintings]), sizes


def _announcement(
    todo: Sequence[Frame], total: int, recipes: Mapping[Frame, Recipe], sizes: Mapping[Path, tuple[int, int]]
) -> str:
    """Return how many restyles there are to do, and about how long they take."""
    from velatura_daemon.batch.concurrency import worker_count
    from velatura_daemon.batch.output import duration

    if not todo:
        return ""
    restyles = lazy_plural("{count} restyle", "{count} restyles", len(todo))
    if len(todo) < total:
        # Translators: restyles: such as “8 restyles”: what is left to do.
        restyles = lazy_text(
            "{restyles} ({done} of {all} are already done)", restyles=restyles, done=total - len(todo), all=total
        )
    with connect() as client:
        try:
            seconds = _expected_seconds(client, todo, recipes, sizes)
        except VelaturaError as error:
            return sentences(
                lazy_text("{restyles}. How long they will take is not known.", restyles=restyles), error.sentence
            )
        if not seconds:
            return lazy_text("{restyles}.", restyles=restyles)
        workers = worker_count(client.status())
    expected = duration(max(1.0, seconds / min(workers, len(todo))))
    # Translators: such as “8 restyles, about 12 min.”
    return lazy_text("{restyles}, about {duration}.", restyles=restyles, duration=expected)


def _expected_seconds(
    client: Client, todo: Sequence[Frame], recipes: Mapping[Frame, Recipe], sizes: Mapping[Path, tuple[int, int]]
) -> float:
    """Return the seconds that one worker takes for all; 0 if no photo can be read. Raises VelaturaError if there is no
    estimate."""
    from velatura_daemon.batch.contact_sheet import evenly_chosen

    kinds = Counter((sizes[f.photo], recipes[f].settings, recipes[f].options.device) for f in todo if f.photo in sizes)
    chosen = evenly_chosen(list(kinds), MAX_ESTIMATES)
    seconds = number = 0.0
    for size, settings, device in chosen:
        weights = recipes[todo[0]].weights
        estimate = client.estimate(*size, settings, weights=weights, device=device)
        if estimate.seconds < 0:
            raise VelaturaError(estimate.sentence)
        seconds += estimate.seconds * kinds[size, settings, device]
        number += kinds[size, settings, device]
    return seconds / number * len(todo) if number else 0.0


def _run(
    todo: Sequence[Frame],
    recipes: Mapping[Frame, Recipe],
    comparison: Comparison,
    thumbnails: Thumbnails,
    manifest: Manifest,
    display: BatchDisplay,
    force: bool,
) -> tuple[BatchRun, Path | None]:
    """Restyle the frames and write the sheet, also if the run is stopped."""
    from velatura_daemon.batch.comparison_sheet import write_comparison_sheet
    from velatura_daemon.batch.session import restyle_frames

    done = set(recipes) - set(todo)

    def write_sheet(run: BatchRun) -> Path | None:
        made = done | set(run.outcome.made)
        if not made:
            return None
        sheet, reason = write_comparison_sheet(comparison, thumbnails, made, manifest, force=force)
        if reason:
            display.note(reason)
        return sheet

    def when_stopped(run: BatchRun) -> str:
        sheet = write_sheet(run)
        return lazy_text("Sheet of the results so far: {file}", file=str(sheet)) if sheet else ""

    run = restyle_frames(
        todo, len(done), recipes.__getitem__, manifest, display, force=force, when_stopped=when_stopped
    )
    return run, write_sheet(run)


def default_folder(photo: Path) -> Path:
    """Return a folder beside the photo."""
    return photo.with_name(f"{shortened(photo.stem)}-compared")
