"""`velatura restyle`: a picture, a painting, a new picture."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from velatura import __version__
from velatura.client import Client, Finished, StyleList
from velatura.errors import BadWeights, DaemonLost, UsageError, VelaturaError, error_from
from velatura.paths import places
from velatura.pixels import Picture
from velatura.protocol import MAX_NAME, MAX_NOTE, Cancelled, Failed, Preview
from velatura.settings import StyleSettings
from velatura_daemon.cli.connect import connect
from velatura_daemon.cli.knobs import knob_options, settings_from
from velatura_daemon.cli.names import sayable
from velatura_daemon.cli.paintings import Painting, Pairs, given, paintings_of
from velatura_daemon.cli.show import PREVIEW_KINDS, Bar, Lines, Show, failures_told, preview_writer

KNOWN_WEIGHTS = ("auto", "vgg19", "imagenet")
KEPT = "What is kept of it, 'velatura results list' shows."

# What other commands take too.
STYLES = click.option("--style", "styles", multiple=True, metavar="PAINTING[:SHARE]",
                      help="The painting; several are mixed by their shares. With regions: for wherever none is.")  # fmt: skip
REGIONS = click.option("--region", "regions", nargs=2, multiple=True, metavar="MASK PAINTING[:SHARE]",
                       help="A painting for a part of the photo: where MASK, a picture of the photo's size, is white.")  # fmt: skip
PARTS = click.option("--part", "parts", nargs=2, multiple=True, metavar="PAINTING MASK",
                     help="Look at a part of this painting only: where MASK, a picture of the painting's size, is white.")  # fmt: skip
SIZE = click.option("--size", type=click.IntRange(2), metavar="PIXELS", help="Longest side; without it the picture's own.")
MASK = click.option(
    "--mask", type=click.Path(path_type=Path), help="A picture of the photo's size: restyle where it is white."
)
WEIGHTS = click.option(
    "--weights", default="auto", metavar="auto|vgg19|imagenet|PATH", help="The network's weights."
)
DEVICE = click.option("--device", default="auto", metavar="auto|cpu|cuda|mps", help="Where to compute.")
FORCE = click.option("--force", is_flag=True, help="Write over a file that is there.")
JSON = click.option("--json", "as_json", is_flag=True, help="A JSON object a line: an event each, last the result.")


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
@knob_options
def restyle(
    photo: Path, styles: tuple[str, ...], regions: Pairs, parts: Pairs, output: Path | None, size: int | None,
    mask: Path | None, weights: str, device: str, preview: Path | None, estimate: bool, force: bool, as_json: bool, **values: Any,
) -> None:  # fmt: skip
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
    from velatura_daemon.imagefiles import read_picture

    picture = read_picture(photo, longest_side=size).picture
    with connect() as client:
        told = client.estimate(picture.width, picture.height, settings, weights=weights_name(weights), device=device)
    if told.seconds < 0:
        raise VelaturaError(told.sentence)
    click.echo(json.dumps({"event": "estimate", **dataclasses.asdict(told)}) if as_json else told.sentence)


def restyle_file(
    photo: Path, paintings: list[Painting], output: Path | None, size: int | None, mask_path: Path | None,
    weights: str, device: str, preview: Path | None, force: bool, as_json: bool, settings: StyleSettings,
) -> None:  # fmt: skip
    """A picture's file, paintings' files, a new picture's file. Raises what is wrong with any of them, or with the restyle."""
    from velatura_daemon.imagefiles import check_output, read_mask, read_picture, write_picture

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
            client.hold()  # until the file is written
            done = follow(client, show, preview, loaded.picture, styles, settings, mask=mask, layer=layer_of(photo, output),
                          weights=weights_name(weights), device=device, title=sayable(photo.name), note=note_of(output))  # fmt: skip
            facts = facts_of(done, settings)
            notes = write_picture(output, done.picture, description=json.dumps(facts, ensure_ascii=False), force=force)
            client.received(done)
        for note in [*done.result.notes, *notes]:
            show.note(note)
        show.result(output=sayable(output), **facts)
    finally:
        show.close()


def follow(
    client: Client,
    show: Show,
    preview: Path | None,
    content: Picture,
    styles: StyleList,
    settings: StyleSettings,
    **more: Any,
) -> Finished:
    """Ask for it and show how it goes. Raises what failed; an interrupt cancels it."""
    write_preview = preview_writer(preview, show.note)
    job = client.restyle(content, styles, settings, **more)
    try:
        return watch(client, show, job, write_preview)
    except KeyboardInterrupt:
        client.cancel(job)
        raise


def watch(client: Client, show: Show, job: str, write_preview: Callable[[Preview], object] = lambda _: None) -> Finished:
    """Show how a job goes, to its end. Raises what failed."""
    for event in client.events(job):
        if isinstance(event, Finished):
            return event
        if isinstance(event, Failed) and event.code == DaemonLost.code:
            raise DaemonLost(f"{event.sentence} {KEPT}")
        if isinstance(event, Failed):
            raise error_from(event.code, event.sentence)
        if isinstance(event, Cancelled):
            raise VelaturaError("The restyle was cancelled: a newer one for the same picture took its place.")
        if isinstance(event, Preview):
            write_preview(event)
        show.event(event)
    raise AssertionError("a job's events end with its ending")


def facts_of(done: Finished, settings: StyleSettings) -> dict[str, Any]:
    """What made the picture, for its metadata and for --json."""
    r = done.result
    return {"software": f"Velatura {__version__}", "weights": r.weights, "device": r.device, "seconds": round(r.seconds, 3),
            "content_loss": r.content_loss, "style_loss": r.style_loss, "started_from": r.started_from,
            "settings": settings.to_wire()}  # fmt: skip


def layer_of(photo: Path, output: Path) -> str:
    """What is restyled, for the daemon: the same photo to the same file."""
    return sayable(f"{photo.resolve()} {output.resolve()}")[-MAX_NAME:]


def note_of(output: Path, **more: str) -> str:
    """What is noted with a restyle, for `velatura results save`; '' where the daemon would not take that much."""
    note = json.dumps({"output": str(output.resolve()), **more})
    return note if len(note) <= MAX_NOTE else ""


def default_output(photo: Path, style: Path) -> Path:
    """Beside the photo, in its format where that can be written."""
    from velatura_daemon.imagefiles.write import FORMATS

    suffix = photo.suffix if photo.suffix.lower() in FORMATS else ".png"
    return photo.with_name(f"{photo.stem}-in-{style.stem}{suffix}")


def weights_name(word: str) -> str:
    """The name that stands for --weights on the wire; a file is checked and imported first."""
    if word in KNOWN_WEIGHTS or word.startswith("user-"):
        return word
    if not Path(word).is_file():
        raise BadWeights(f"There is no weights file {word}, and no weights of that name: {', '.join(KNOWN_WEIGHTS)}.")
    from velatura_daemon.weights.store import WeightStore

    return WeightStore(places()).import_file(Path(word))
