"""`velatura film`: restyle a film, so that it holds still."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from velatura.errors import UsageError
from velatura.i18n import _, lazy_text, translated
from velatura_daemon.terminal.console import echo, echo_json
from velatura_daemon.terminal.help_pages import Command
from velatura_daemon.terminal.options import (
    DEVICE,
    FORCE,
    JSON,
    MASK,
    PARTS,
    REGIONS,
    SIZE,
    STRIP_METADATA,
    STYLE_PAGE,
    STYLES,
    WEIGHTS,
    RestyleOptions,
    UserPath,
)
from velatura_daemon.terminal.output import report_failures
from velatura_daemon.terminal.setting_options import setting_options, settings_from
from velatura_daemon.terminal.style_options import Pairs, parse_paintings

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.film.display import FilmDisplay


@click.command(
    cls=Command,
    help="\n\n".join(
        (
            _(
                "Restyle FILM: a film, a folder of frames, a pattern such as frame_####.png, or an animated GIF, APNG "
                "or WebP."
            ),
            _(
                "Each frame follows the frames before it, so that strokes move with what they are on. Run the command "
                "again to continue an interrupted film."
            ),
        )
    ),
)
@click.argument("film", nargs=1, type=UserPath(), metavar=_("FILM"))
@STYLES
@REGIONS
@PARTS
@click.option(
    "-o",
    "--out",
    type=UserPath(),
    metavar=_("PATH"),
    help=_(
        "A film (.mp4, .mov, .mkv, .webm), an animation (.gif, .webp, .apng), a folder, or a pattern such as "
        "frames/frame_####.png. Default: FILM-in-PAINTING beside it."
    ),
)
@click.option(
    "--from", "first", metavar=_("FRAME|TIME"), help=_("Start there: a frame such as 48, or a time such as 1:30.")
)
@click.option("--to", "last", metavar=_("FRAME|TIME"), help=_("End there: with this frame, or before this time."))
@click.option("--rate", metavar=_("FPS"), help=_("Frames per second of numbered frames. Default: 24."))
@click.option("--sound/--no-sound", default=True, help=_("Copy the film's sound."))
@SIZE
@MASK
@click.option(
    "--masks",
    type=UserPath(),
    metavar=_("DIR"),
    help=_("Folder with a mask for each frame. A frame is restyled only where its mask is white."),
)
@STYLE_PAGE
@WEIGHTS
@DEVICE
@click.option("--estimate", is_flag=True, help=_("Only print the expected time and the disk space needed."))
@STRIP_METADATA
@FORCE
@JSON
@setting_options
def film(
    film: Path,
    styles: tuple[str, ...],
    regions: Pairs,
    parts: Pairs,
    out: Path | None,
    first: str | None,
    last: str | None,
    rate: str | None,
    sound: bool,
    size: int | None,
    mask: Path | None,
    masks: Path | None,
    style_page: int | None,
    weights: str,
    device: str,
    estimate: bool,
    strip_metadata: bool,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    with report_failures(as_json):
        from velatura_daemon.film.display import FilmJsonLines, FilmProgressBar
        from velatura_daemon.film.session import FilmOptions, estimate_film, restyle_film
        from velatura_daemon.film.timing import range_from

        paintings, settings = parse_paintings(styles, regions, parts), settings_from(values)
        options = RestyleOptions(size, mask, weights, device, force, as_json, strip_metadata, style_page=style_page)
        film_options = FilmOptions(range_from(first, last), masks, _rate_from(rate), sound)
        display: FilmDisplay = FilmJsonLines() if as_json else FilmProgressBar()
        try:
            if not estimate:
                restyle_film(film, paintings, out, settings, options, film_options, display)
                return
            sentence, facts = estimate_film(film, paintings, out, settings, options, film_options, display)
        finally:
            display.close()
        if as_json:
            echo_json({"event": "estimate", **facts})
        else:
            echo(translated(sentence))


def _rate_from(text: str | None) -> Fraction | None:
    """Read the value of --rate, such as 24, 23.976 or 24000/1001. Raises UsageError."""
    from velatura_daemon.film.timing import MAX_TYPED, rounded_rate

    if text is None:
        return None
    try:
        # An exponent takes few characters and makes a number of any length.
        is_short = len(text) <= MAX_TYPED and "e" not in text.lower()
        rate = rounded_rate(Fraction(text)) if is_short else Fraction(0)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise UsageError(
            lazy_text(
                "--rate {value} is not a number of frames per second. Give one such as 24, 23.976 or 24000/1001.",
                value=text[:MAX_TYPED],
            )
        )
    return rate
