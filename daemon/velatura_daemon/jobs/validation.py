"""Converts a client's restyle request into a job. Checks every field before any pixel is received."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from velatura.errors import BadMask, BadMessage, BadSetting, PictureTooLarge
from velatura.i18n import lazy_plural, lazy_text
from velatura.pixels import LARGEST_SIDE, LARGEST_STYLE_SIDE, SMALLEST_SIDE, PictureRef
from velatura.protocol import messages as p
from velatura.protocol.messages import MAX_NAME, MAX_STYLES, MAX_VIA
from velatura.protocol.previous_frame import previous_from_wire
from velatura.protocol.style_share import styles_from_wire
from velatura.settings import StyleSettings
from velatura.short_repr import short_repr
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.job import Job
from velatura_daemon.jobs.spec import View
from velatura_daemon.memory_plan import (
    ALL_STYLES_MEGAPIXELS,
    MIN_PAIRS,
    PAIR_BYTES,
    STATE_BYTES,
    Inputs,
    megapixels_with_regions,
)

OTHER_FORMAT = {
    "mask": lazy_text("A mask has to be a GRAY picture."),
    "region": lazy_text("A region has to be a GRAY picture."),
}
OTHER_SIZE = {
    "mask": lazy_text(
        "The mask is {width} × {height} pixels and the picture {wanted_width} × {wanted_height}. Give a mask of the "
        "picture's size."
    ),
    "region": lazy_text(
        "The region is {width} × {height} pixels and the picture {wanted_width} × {wanted_height}. Give a region of "
        "the picture's size."
    ),
}
BYTES_PER_PIXEL = STATE_BYTES + PAIR_BYTES * MIN_PAIRS  # of memory, if the picture is processed in tiles


def job_from(
    request: p.Restyle,
    session: bytes,
    client_id: str,
    program: str,
    limit: float,
    style_limit: float = ALL_STYLES_MEGAPIXELS,
) -> Job:
    """Check a request and return its job.

    limit: megapixels of the content; fewer if there are regions. style_limit: megapixels of all styles together.
    Raises PictureTooLarge, BadMask, BadMessage and the errors of the parsers (VelaturaError).
    """
    content = PictureRef.from_wire(request.content)
    styles = styles_from_wire(request.styles)
    settings = StyleSettings.from_wire(request.settings)
    check_size(content, limit, len({style.region for style in styles if style.region is not None}))
    check_styles([style.picture for style in styles], style_limit)
    mask = PictureRef.from_wire(request.mask) if request.mask is not None else None
    _check_mask("mask", mask, content)
    for style in styles:
        _check_mask("region", style.region, content)
    if not 0 <= request.step_every <= p.MAX_STEP_EVERY or (request.step_every and request.view is not None):
        raise BadMessage(lazy_text("step_every must be 0 to {limit}, and 0 for a view.", limit=p.MAX_STEP_EVERY))
    previous = previous_from_wire(request.previous, content)
    if previous and request.view is not None:
        raise BadMessage(lazy_text("A frame with previous frames is restyled as a whole: give no view."))
    return Job(
        request.job,
        client_id,
        session,
        request.layer,
        content,
        styles,
        mask,
        settings,
        request.adjust,
        request.weights,
        request.device,
        program,
        request,
        _view(request.view, content, settings),
        previous,
    )


def check_not_circular(via: Sequence[Any], daemon: str) -> None:
    """Check that a job or a question has not been passed on by this daemon: it would go round for ever, or wait for
    itself.

    via: the field of the request. daemon: the id of this one. Raises BadMessage, BadSetting.
    """
    if len(via) > MAX_VIA or not all(isinstance(one, str) and len(one) <= MAX_NAME for one in via):
        raise BadMessage(lazy_text("A job can be passed on by at most {limit} daemons.", limit=MAX_VIA))
    if daemon in via:
        raise BadSetting(
            lazy_text(
                "The daemons pass their jobs on to one another, so none of them does the work. Stop one of them with "
                "'velatura daemon stop', and start it without --upstream or --remote."
            )
        )


def check_fits_locally(job: Job, config: DaemonConfig) -> None:
    """Check a job that the fallback is about to run. Raises PictureTooLarge if it exceeds this machine's memory."""
    regions = len({style.region for style in job.styles if style.region is not None})
    content, limit = job.content, megapixels_with_regions(config.megapixels_here, regions)
    if content.megapixels > limit and not job.finish_now:
        raise PictureTooLarge(
            lazy_text(
                "This machine replaces {place}, which cannot be reached, and accepts up to {limit:.4g} megapixels; the "
                "picture has {megapixels:.3g}. Restyle it again when the connection is back, or make it smaller: "
                "{size} would fit here.",
                place=config.remote_name,
                limit=limit,
                megapixels=content.megapixels,
                size=_size_that_fits(content, limit),
            )
        )
    check_styles([style.picture for style in job.styles], config.style_megapixels_here)


def check_styles(pictures: Iterable[PictureRef], limit: float) -> None:
    """limit: megapixels of all different pictures together. Raises PictureTooLarge."""
    _check_style_megapixels([picture.megapixels for picture in set(pictures)], limit)


def _check_style_megapixels(sizes: Sequence[float], limit: float) -> None:
    total = sum(sizes)
    if total > limit:
        raise PictureTooLarge(
            lazy_plural(
                "The style has {total:.3g} megapixels; this daemon's memory holds up to {limit:.3g}. Use a smaller "
                "style, or start the daemon with a larger --memory-megabytes. A style needs at most {side} × {side} "
                "pixels.",
                "The {count} styles have {total:.3g} megapixels together; this daemon's memory holds up to "
                "{limit:.3g}. Use fewer or smaller styles, or start the daemon with a larger --memory-megabytes. A "
                "style needs at most {side} × {side} pixels.",
                len(sizes),
                total=total,
                limit=limit,
                side=LARGEST_STYLE_SIDE,
            )
        )


def estimate_inputs(request: p.GetEstimate, limit: float) -> Inputs:
    """The styles and regions of a request for an estimate. limit: megapixels of all styles together. Raises BadMessage,
    PictureTooLarge."""
    styles = request.style_pixels
    if len(styles) > MAX_STYLES or not all(type(size) is int and 0 < size <= LARGEST_SIDE**2 for size in styles):
        raise BadMessage(
            lazy_text(
                "The sizes of the styles must be a list of up to {limit} numbers of pixels, one for each style.",
                limit=MAX_STYLES,
            )
        )
    if not 0 <= request.regions <= MAX_STYLES:
        raise BadMessage(
            lazy_text(
                "A restyle has at most {limit} regions, not {given}.",
                limit=MAX_STYLES,
                given=short_repr(request.regions),
            )
        )
    _check_style_megapixels([size / 1e6 for size in styles], limit)
    return Inputs(tuple(styles), request.regions)


def check_size(content: PictureRef, limit: float, regions: int) -> None:
    """limit: megapixels without regions. regions: how many different ones there are. Raises PictureTooLarge."""
    here = megapixels_with_regions(limit, regions)
    if content.megapixels > here:
        enough = int(content.megapixels * limit / here) + 1
        values = {
            "megapixels": content.megapixels,
            "limit": here,
            "size": _size_that_fits(content, here),
            "enough": str(enough),  # as it is typed
            "gb": enough * BYTES_PER_PIXEL / 1e3 + 2,
        }
        sentence = (
            lazy_plural(
                "The picture has {megapixels:.3g} megapixels; this daemon accepts up to {limit:.4g} with {count} "
                "region: {size} would fit. Restyle a part, make it smaller, or start the daemon with --max-megapixels "
                "{enough} (about {gb:.0f} GB of memory).",
                "The picture has {megapixels:.3g} megapixels; this daemon accepts up to {limit:.4g} with {count} "
                "regions: {size} would fit. Restyle a part, make it smaller, or start the daemon with --max-megapixels "
                "{enough} (about {gb:.0f} GB of memory).",
                regions,
                **values,
            )
            if regions
            else lazy_text(
                "The picture has {megapixels:.3g} megapixels; this daemon accepts up to {limit:.4g}: {size} would fit. "
                "Restyle a part, make it smaller, or start the daemon with --max-megapixels {enough} (about {gb:.0f} "
                "GB of memory).",
                **values,
            )
        )
        raise PictureTooLarge(sentence)


def _check_mask(name: str, mask: PictureRef | None, content: PictureRef) -> None:
    """name: what it is, mask or region."""
    if mask is None:
        return
    if mask.format.channels != "GRAY":
        raise BadMessage(OTHER_FORMAT[name])
    if (mask.width, mask.height) != (content.width, content.height):
        raise BadMask(
            OTHER_SIZE[name].format(
                width=mask.width, height=mask.height, wanted_width=content.width, wanted_height=content.height
            )
        )


def _view(wire: list[Any] | None, content: PictureRef, settings: StyleSettings) -> View | None:
    """Raises BadMessage, BadSetting."""
    if wire is None:
        return None
    if len(wire) != 4 or not all(isinstance(value, int) and not isinstance(value, bool) for value in wire):
        raise BadMessage(lazy_text("A view has to be four whole numbers: left, top, width, height."))
    view = View(*wire)
    inside = (
        view.left >= 0
        and view.top >= 0
        and view.left + view.width <= content.width
        and view.top + view.height <= content.height
    )
    if not inside or min(view.width, view.height) < SMALLEST_SIDE:
        raise BadMessage(
            lazy_text(
                "A view has to lie inside the picture of {width} × {height} pixels and to have at least {smallest} × "
                "{smallest} pixels.",
                width=content.width,
                height=content.height,
                smallest=SMALLEST_SIDE,
            )
        )
    if settings.quality == "paper":
        raise BadSetting(
            lazy_text(
                "Quality 'paper' has a single scale, so a part cannot be restyled as the whole picture would be. "
                "Choose another quality for the view."
            )
        )
    return view


def _size_that_fits(picture: PictureRef, limit: float) -> str:
    """Return a size of the same shape with `limit` megapixels, as text."""
    scale = (limit / picture.megapixels) ** 0.5
    return f"{int(picture.width * scale)} × {int(picture.height * scale)}"
