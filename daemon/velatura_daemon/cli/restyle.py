"""`velatura restyle`: restyle one picture."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import click

from velatura.errors import UsageError, VelaturaError
from velatura.i18n import _, lazy_plural, lazy_text, sentences
from velatura.settings import StyleSettings
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.connect import connect, megapixel_limit
from velatura_daemon.terminal.console import echo, echo_json
from velatura_daemon.terminal.file_names import PIPE
from velatura_daemon.terminal.help_pages import Command
from velatura_daemon.terminal.options import (
    DEVICE,
    FORCE,
    FORMAT,
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
)
from velatura_daemon.terminal.output import Display, JsonLines, ProgressBar, report_failures
from velatura_daemon.terminal.pipes import FileOrPipe, piped_pictures, send_to_stdout
from velatura_daemon.terminal.presets import is_given
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.restyle_task import client_note, layer_name, metadata_of, run_restyle
from velatura_daemon.terminal.setting_options import setting_options, settings_from
from velatura_daemon.terminal.step_files import StepFiles
from velatura_daemon.terminal.style_options import Painting, Pairs, files_of, parse_paintings, region_count
from velatura_daemon.user_paths import is_folder


@click.command(
    cls=Command,
    help=_("Restyle PHOTO with one or more paintings. PHOTO or a painting may be '-': it comes from standard input."),
)
@click.argument("photos", nargs=-1, required=True, type=FileOrPipe(), metavar=_("PHOTO"))
@STYLES
@REGIONS
@PARTS
@click.option(
    "-o",
    "--output",
    type=FileOrPipe(),
    metavar=_("PATH"),
    help=_("Default: PHOTO-in-PAINTING beside the photo. '-' is standard output."),
)
@FORMAT
@SIZE
@MASK
@PAGE
@STYLE_PAGE
@SALVAGE
@WEIGHTS
@DEVICE
@click.option("--preview", type=UserPath(), help=_("Write the latest preview to this file (.png, .jpg)."))
@click.option(
    "--save-steps",
    type=UserPath(),
    metavar=_("DIR"),
    help=_("Write the picture after every N steps to DIR: step_0001.png and so on, the result last."),
)
@click.option(
    "--every", type=int, default=10, metavar=_("N"), help=_("For --save-steps: steps from one picture to the next.")
)
@click.option(
    "--estimate", is_flag=True, help=_("Only print the expected time and memory, or why PHOTO cannot be restyled.")
)
@STRIP_METADATA
@FORCE
@JSON
@setting_options
def restyle(
    photos: tuple[Path, ...],
    styles: tuple[str, ...],
    regions: Pairs,
    parts: Pairs,
    output: Path | None,
    format: str | None,
    size: int | None,
    mask: Path | None,
    page: int | None,
    style_page: int | None,
    salvage: bool,
    weights: str,
    device: str,
    preview: Path | None,
    save_steps: Path | None,
    every: int,
    estimate: bool,
    strip_metadata: bool,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    with report_failures(as_json):
        photo = _single(photos)
        paintings = parse_paintings(styles, regions, parts)
        settings = settings_from(values)
        options = RestyleOptions(
            size, mask, weights, device, force, as_json, strip_metadata, format, page, style_page, salvage
        )
        if save_steps is None and is_given("every"):
            raise UsageError(lazy_text("--every is for --save-steps DIR. Add it."))
        if output is None and photo == PIPE and not estimate:
            raise UsageError(
                lazy_text("The photo comes from standard input. Give -o FILE, or '-o -' for standard output.")
            )
        steps = StepFiles(save_steps, every, force=force) if save_steps is not None else None
        if steps is not None:
            steps.keep_apart([photo, *files_of(paintings, mask), *([output] if output else [])])
        with piped_pictures(photo, paintings) as (photo, paintings):
            if estimate:
                _print_estimate(photo, paintings, output, settings, options, preview, steps)
            else:
                restyle_file(photo, paintings, output, settings, options, preview, steps)


def _single(photos: tuple[Path, ...]) -> Path:
    """Return the only photo. Raises UsageError, with the command that restyles several photos or a folder."""
    from velatura_daemon.cli.batch import batch
    from velatura_daemon.terminal.typed import typed_again

    if len(photos) == 1 and not is_folder(photos[0]):
        return photos[0]
    command = typed_again(batch, photos)
    if len(photos) == 1:
        raise UsageError(
            lazy_text(
                "{folder} is a folder, and 'velatura restyle' restyles one picture. Use: {command}",
                folder=str(photos[0]),
                command=command,
            )
        )
    raise UsageError(
        lazy_plural(
            "{count} picture was given, and 'velatura restyle' restyles one picture. Use: {command}",
            "{count} pictures were given, and 'velatura restyle' restyles one picture. Use: {command}",
            len(photos),
            command=command,
        )
    )


def _print_estimate(
    photo: Path,
    paintings: list[Painting],
    output: Path | None,
    settings: StyleSettings,
    options: RestyleOptions,
    preview: Path | None,
    steps: StepFiles | None,
) -> None:
    """Print the daemon's estimate. Raises what the restyle would raise, and VelaturaError if there is no estimate."""
    from velatura_daemon.terminal.prepare import prepare

    prepared = prepare(photo, paintings, output, settings, options, preview, megapixel_limit)
    if steps is not None:
        steps.check(prepared.content.width, prepared.content.height, settings)
    with connect() as client:
        estimate = client.estimate(
            prepared.content.width,
            prepared.content.height,
            settings,
            weights=prepared.weights,
            device=options.device,
            style_pixels=prepared.style_pixels,
            regions=region_count(paintings),
        )
    if estimate.seconds < 0:
        raise VelaturaError(estimate.sentence)
    if options.as_json:
        echo_json({"event": "estimate", **dataclasses.asdict(estimate)})
    else:
        echo(estimate.sentence)


def restyle_file(
    photo: Path,
    paintings: list[Painting],
    output: Path | None,
    settings: StyleSettings,
    options: RestyleOptions,
    preview: Path | None = None,
    steps: StepFiles | None = None,
) -> None:
    """Restyle a picture file into the file `output`, or PIPE for standard output; the latest preview is written to the
    file `preview`. Raises the errors of `prepare` before the work starts, and those of restyling and writing."""
    from velatura_daemon.imaging.files.write import encoded, write_picture
    from velatura_daemon.terminal.prepare import prepare

    prepared = prepare(photo, paintings, output, settings, options, preview, megapixel_limit)
    output = prepared.output
    display: Display = JsonLines() if options.as_json else ProgressBar()
    try:
        if steps is not None:
            display.note(steps.begin(prepared.content.width, prepared.content.height, settings))
        with connect() as client:
            client.acknowledge_manually()  # the daemon keeps the result until the file is written
            done = run_restyle(
                client,
                display,
                preview,
                prepared.content,
                prepared.styles,
                settings,
                steps,
                mask=prepared.mask,
                # Two commands that write to pipes are not one that is repeated: neither replaces the other.
                layer=layer_name(photo, Path(f"stdout-{os.getpid()}") if output == PIPE else output),
                weights=prepared.weights,
                device=options.device,
                title=printable(photo.name),
                note="" if output == PIPE else client_note(output),
            )
            metadata = metadata_of(done, settings)
            description = json.dumps(metadata, ensure_ascii=False)
            if output == PIPE:
                data, notes = encoded(done.picture, prepared.kind, description=description, metadata=prepared.metadata)
                send_to_stdout(data)
            else:
                notes = write_picture(
                    output, done.picture, description=description, metadata=prepared.metadata, force=options.force
                )
                place = _("The picture is in {path}.").format(path=output)
                also = _("Its steps are in {folder}.").format(folder=steps.folder) if steps is not None else ""
                ending.kept(sentences(place, also))
            client.acknowledge(done)
        for note in [*prepared.notes, *done.result.notes, *notes]:
            display.note(note)
        display.result(output=str(output), **metadata)
    finally:
        display.close()
