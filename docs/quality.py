"""Makes the pictures of quality.md and prints its figures: `make quality`, or `python docs/quality.py NAME…` for some
of them.

Scenes are Velatura's own and scikit-image's; paintings are Velatura's own. `peers` and `blind` compare with other
programs and need --neural-style-pt FOLDER, a checkout of ProGamerGov/neural-style-pt.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import skimage.data
from PIL import Image

from velatura.settings import StyleSettings
from velatura_daemon import samples
from velatura_daemon.bench.judge import judge
from velatura_daemon.bench.peers import neural_style_pt, pastiche, run_program
from velatura_daemon.bench.quality import (
    Pictures,
    Restyled,
    as_image,
    as_tensor,
    cell,
    judging_network,
    restyle_all,
    restyled,
    run_as_a_worker,
    sample_pictures,
    sheet_of,
    table,
)
from velatura_daemon.imaging.contact_sheet import contact_sheet

HERE = Path(__file__).parent
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")  # scikit-image's, free to show: NASA, CC0
SHEET_SIDE, SIDE, PEER_SIDE = 256, 320, 512  # pixels, longest side
STRENGTHS = (0, 25, 50, 75, 100)
PAIRS = (("astronaut", "night_swirls"), ("harbour_town", "ember_waves"))
BLIND_PAIRS = (*PAIRS, ("coffee", "watercolour"))


def scenes(size: int) -> Pictures:
    """Two drawn scenes, a portrait, an animal, a still life, and a rocket in a flat evening sky."""
    photographs = {name: as_tensor(getattr(skimage.data, name)(), size) for name in PHOTOGRAPHS}
    return {**sample_pictures(samples.SCENES, size), **photographs}


def paintings(size: int) -> Pictures:
    return sample_pictures(samples.PAINTINGS, size)


def save(name: str, image: Image.Image) -> None:
    path = HERE / f"quality-{name}.jpg"
    image.save(path, quality=88)
    click.echo(f"  {path.name}: {path.stat().st_size / 1000:.0f} kB")


def sheet() -> None:
    """Six scenes in six paintings, good, strength 50."""
    contents, styles = scenes(SHEET_SIDE), paintings(SHEET_SIDE)
    results = list(restyle_all(contents, styles, StyleSettings(quality="good")))
    table(results, click.echo)
    save("sheet", sheet_of(contents, styles, results, SHEET_SIDE, SHEET_SIDE * 3 // 4))


def one(pair: tuple[str, str], size: int, **settings: object) -> Restyled:
    content, style = ({pair[0]: scenes(size)[pair[0]]}, {pair[1]: paintings(size)[pair[1]]})
    (result,) = restyle_all(content, style, StyleSettings(**settings))  # type: ignore[arg-type]
    return result


def strengths() -> None:
    rows = []
    for pair in PAIRS:
        results = [one(pair, SIDE, strength=strength) for strength in STRENGTHS]
        table(results, click.echo)
        rows.append(
            [cell(item.result, f"{strength}: {item.scores}") for strength, item in zip(STRENGTHS, results, strict=True)]
        )
    save("strengths", as_image(contact_sheet(rows, SIDE, SIDE * 3 // 4)))


def qualities() -> None:
    rows = []
    for pair in PAIRS:
        results = [one(pair, SIDE, quality=quality) for quality in ("draft", "good", "best")]
        table(results, click.echo)
        rows.append(
            [
                cell(item.result, f"{quality}: {item.scores}, {item.seconds:.0f} s")
                for quality, item in zip(("draft", "good", "best"), results, strict=True)
            ]
        )
    save("qualities", as_image(contact_sheet(rows, SIDE, SIDE * 3 // 4)))


# --- other programs -----------------------------------------------------------------------------------------
def peers(folder: Path, size: int) -> None:
    """Each pair by Velatura and by neural-style-pt, in turns, on a network that both have the weights of."""
    contents, styles, rows = scenes(size), paintings(size), []
    for content_name, style_name in PAIRS:
        content, style = contents[content_name], styles[style_name]
        began = time.perf_counter()
        ours = restyled(content, style, StyleSettings(quality="good"))
        our_seconds = time.perf_counter() - began
        run = run_program(neural_style_pt(folder, sys.executable), content, style)
        theirs, their_seconds = run.result, run.seconds
        scores = [judge(judging_network(), style, content, picture) for picture in (ours, theirs)]
        click.echo(
            f"{content_name} in {style_name}: ours {scores[0]} in {our_seconds:.1f} s, neural-style-pt {scores[1]} in "
            f"{their_seconds:.0f} s, {their_seconds / our_seconds:.1f}×"
        )
        rows.append(
            [
                cell(content, content_name),
                cell(style, style_name),
                cell(ours, f"Velatura: {scores[0]}, {our_seconds:.0f} s"),
                cell(theirs, f"neural-style-pt: {scores[1]}, {their_seconds:.0f} s"),
            ]
        )
    save("peers", as_image(contact_sheet(rows, 384, 384 * 3 // 4)))


def blind(folder: Path, size: int) -> None:
    """Velatura, neural-style-pt and pastiche, unlabelled, each row in a random order; and the key, for afterwards."""
    contents, styles, order, rows, key = scenes(size), paintings(size), random.Random(), [], []
    for content_name, style_name in BLIND_PAIRS:
        content, style = contents[content_name], styles[style_name]
        made = [
            ("Velatura", restyled(content, style, StyleSettings(quality="good"))),
            ("neural-style-pt", run_program(neural_style_pt(folder, sys.executable), content, style).result),
            ("pastiche", run_program(pastiche(sys.executable), content, style).result),
        ]
        order.shuffle(made)
        rows.append(
            [cell(content, content_name), cell(style, style_name)]
            + [cell(picture, letter) for letter, (_, picture) in zip("ABC", made, strict=True)]
        )
        key.append(
            f"{content_name} in {style_name}: "
            + ", ".join(
                f"{letter} {program} {judge(judging_network(), style, content, picture)}"
                for letter, (program, picture) in zip("ABC", made, strict=True)
            )
        )
    save("blind", as_image(contact_sheet(rows, size, size * 3 // 4)))
    (HERE / "quality-blind.txt").write_text("\n".join(key) + "\n")


FIGURES: dict[str, Callable[[], None]] = {"sheet": sheet, "strengths": strengths, "qualities": qualities}
COMPARISONS: dict[str, Callable[[Path, int], None]] = {"peers": peers, "blind": blind}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*FIGURES, *COMPARISONS]))
@click.option(
    "--neural-style-pt", "folder", type=click.Path(path_type=Path, exists=True), help="For comparisons: its checkout."
)
@click.option("--size", default=PEER_SIDE, help="For comparisons: longest side in pixels.")
def main(names: tuple[str, ...], folder: Path | None, size: int) -> None:
    """Make the pictures of quality.md."""
    for name in names or FIGURES:
        began = time.perf_counter()
        click.echo(name)
        if name in FIGURES:
            FIGURES[name]()
        elif folder is None:
            raise click.UsageError(f"{name} needs --neural-style-pt FOLDER")
        else:
            COMPARISONS[name](folder, size)
        click.echo(f"  {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    run_as_a_worker()
    main()
