"""`velatura restyle`: restyle one picture."""

from __future__ import annotations

import dataclasses
import json
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
    RestyleOptions,
    weights_name,
)
from velatura_daemon.terminal.output import PREVIEW_EXTENSIONS, Display, JsonLines, ProgressBar, report_failures
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.restyle_task import client_note, layer_name, metadata_of, run_restyle
from velatura_daemon.terminal.setting_options import setting_options, settings_from
from velatura_daemon.terminal.style_options import Painting, Pairs, parse_paintings, read_styles


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@STYLES
@REGIONS
@PARTS
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: PHOTO-in-PAINTING beside the photo.")
@SIZE
@MASK
@WEIGHTS
@DEVICE
@click.option("--preview", type=click.Path(path_type=Path), help="Write the latest preview to this file (.png, .jpg).")
@click.option("--estimate", is_flag=True, help="Only print the expected time and memory.")
@FORCE
@JSON
@setting_options
def restyle(
    photo: Path,
    styles: tuple[str, ...],
    regions: Pairs,
    parts: Pairs,
    output: Path | None,
    size: int | None,
    mask: Path | None,
    weights: str,
    device: str,
    preview: Path | None,
    estimate: bool,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Restyle PHOTO with one or more paintings."""
    with report_failures(as_json):
        paintings = parse_paintings(styles, regions, parts)
        settings = settings_from(values)
        options = RestyleOptions(size, mask, weights, device, force, as_json)
        if estimate:
            _print_estimate(photo, settings, options)
        else:
            restyle_file(photo, paintings, output, settings, options, preview)


def _print_estimate(photo: Path, settings: StyleSettings, options: RestyleOptions) -> None:
    """Print the daemon's estimate. Raises VelaturaError if it has none."""
    from velatura_daemon.imaging.files import read_picture

    picture = read_picture(photo, longest_side=options.size).picture
    weights = weights_name(options.weights)
    with connect() as client:
        estimate = client.estimate(picture.width, picture.height, settings, weights=weights, device=options.device)
    if estimate.seconds < 0:
        raise VelaturaError(estimate.sentence)
    as_json = json.dumps({"event": "estimate", **dataclasses.asdict(estimate)})
    click.echo(as_json if options.as_json else estimate.sentence)


def restyle_file(
    photo: Path,
    paintings: list[Painting],
    output: Path | None,
    settings: StyleSettings,
    options: RestyleOptions,
    preview: Path | None = None,
) -> None:
    """Restyle a picture file into the file `output`; the latest preview is written to the file `preview`. Raises
    UsageError and FileExists before the work starts, and the errors of reading, restyling and writing."""
    from velatura_daemon.imaging.files import check_output, read_mask, read_picture, write_picture

    output = output or default_output(photo, paintings[0].path)
    check_output(output, options.force)
    if preview is not None and preview.suffix.lower() not in PREVIEW_EXTENSIONS:
        raise UsageError(f"The preview file {preview.name} must end in {' or '.join(PREVIEW_EXTENSIONS)}.")
    loaded = read_picture(photo, longest_side=options.size)
    styles = read_styles(paintings, loaded)
    mask = read_mask(options.mask, loaded) if options.mask else None
    display: Display = JsonLines() if options.as_json else ProgressBar()
    try:
        with connect() as client:
            client.acknowledge_manually()  # the daemon keeps the result until the file is written
            done = run_restyle(
                client,
                display,
                preview,
                loaded.picture,
                styles,
                settings,
                mask=mask,
                layer=layer_name(photo, output),
                weights=weights_name(options.weights),
                device=options.device,
                title=printable(photo.name),
                note=client_note(output),
            )
            metadata = metadata_of(done, settings)
            description = json.dumps(metadata, ensure_ascii=False)
            notes = write_picture(output, done.picture, description=description, force=options.force)
            client.acknowledge(done)
        for note in [*done.result.notes, *notes]:
            display.note(note)
        display.result(output=printable(output), **metadata)
    finally:
        display.close()


def default_output(photo: Path, style: Path) -> Path:
    """Return a file beside the photo, in the photo's format if Velatura can write it, otherwise PNG."""
    from velatura_daemon.imaging.files.write import FORMATS

    suffix = photo.suffix if photo.suffix.lower() in FORMATS else ".png"
    return photo.with_name(f"{photo.stem}-in-{style.stem}{suffix}")
