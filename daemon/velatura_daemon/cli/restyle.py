"""`velatura restyle`: a picture, a painting, a new picture."""

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
    weights_name,
)
from velatura_daemon.terminal.output import PREVIEW_KINDS, Bar, Lines, Show, failures_told
from velatura_daemon.terminal.printable import printable
from velatura_daemon.terminal.restyle_task import facts_of, follow, layer_of, note_of
from velatura_daemon.terminal.setting_options import setting_options, settings_from
from velatura_daemon.terminal.style_options import Painting, Pairs, given, paintings_of


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
@click.option("--preview", type=click.Path(path_type=Path), help="Keep the latest preview in this file (.png, .jpg).")
@click.option("--estimate", is_flag=True, help="Only say how long it would take, and how much memory.")
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
    """Restyle PHOTO with a painting, or several."""
    with failures_told(as_json):
        paintings = paintings_of(styles, regions, parts)
        settings = settings_from(values)
        if estimate:
            _estimate(photo, size, weights, device, as_json, settings)
            return
        restyle_file(photo, paintings, output, size, mask, weights, device, preview, force, as_json, settings)


def _estimate(photo: Path, size: int | None, weights: str, device: str, as_json: bool, settings: StyleSettings) -> None:
    """Ask the daemon, and say what it says. Raises what keeps it from saying so."""
    from velatura_daemon.imaging.files import read_picture

    picture = read_picture(photo, longest_side=size).picture
    with connect() as client:
        told = client.estimate(picture.width, picture.height, settings, weights=weights_name(weights), device=device)
    if told.seconds < 0:
        raise VelaturaError(told.sentence)
    click.echo(json.dumps({"event": "estimate", **dataclasses.asdict(told)}) if as_json else told.sentence)


def restyle_file(
    photo: Path,
    paintings: list[Painting],
    output: Path | None,
    size: int | None,
    mask_path: Path | None,
    weights: str,
    device: str,
    preview: Path | None,
    force: bool,
    as_json: bool,
    settings: StyleSettings,
) -> None:
    """A picture's file, paintings' files, a new picture's file. Raises what is wrong with any of them, or with the
    restyle."""
    from velatura_daemon.imaging.files import check_output, read_mask, read_picture, write_picture

    output = output or default_output(photo, paintings[0].path)
    check_output(output, force)
    if preview is not None and preview.suffix.lower() not in PREVIEW_KINDS:
        raise UsageError(f"A preview is kept as {' or '.join(PREVIEW_KINDS)}; {preview.name} is neither.")
    loaded = read_picture(photo, longest_side=size)
    styles = given(paintings, loaded)
    mask = read_mask(mask_path, loaded) if mask_path else None
    show: Show = Lines() if as_json else Bar()
    try:
        with connect() as client:
            client.acknowledge_manually()  # until the file is written
            done = follow(
                client,
                show,
                preview,
                loaded.picture,
                styles,
                settings,
                mask=mask,
                layer=layer_of(photo, output),
                weights=weights_name(weights),
                device=device,
                title=printable(photo.name),
                note=note_of(output),
            )
            facts = facts_of(done, settings)
            notes = write_picture(output, done.picture, description=json.dumps(facts, ensure_ascii=False), force=force)
            client.acknowledge(done)
        for note in [*done.result.notes, *notes]:
            show.note(note)
        show.result(output=printable(output), **facts)
    finally:
        show.close()


def default_output(photo: Path, style: Path) -> Path:
    """Beside the photo, in its format where that can be written."""
    from velatura_daemon.imaging.files.write import FORMATS

    suffix = photo.suffix if photo.suffix.lower() in FORMATS else ".png"
    return photo.with_name(f"{photo.stem}-in-{style.stem}{suffix}")
