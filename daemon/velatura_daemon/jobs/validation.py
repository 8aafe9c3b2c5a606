"""Converts a client's restyle request into a job. Checks every field before any pixel is received."""

from __future__ import annotations

from velatura.errors import BadMask, BadMessage, PictureTooLarge
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura.protocol.style_share import styles_from_wire
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.job import Job
from velatura_daemon.memory_plan import MIN_PAIRS, PAIR_BYTES, STATE_BYTES

BYTES_PER_PIXEL = STATE_BYTES + PAIR_BYTES * MIN_PAIRS  # of memory, if the picture is processed in tiles
STYLE_MEGAPIXELS = 64.0  # a style is decoded as a whole; the engine uses at most a quarter of that


def job_from(request: p.Restyle, session: bytes, client_id: str, program: str, limit: float) -> Job:
    """Check a request and return its job.

    limit: megapixels of the content. Styles may have STYLE_MEGAPIXELS if that is more.
    Raises PictureTooLarge, BadMask, BadMessage and the errors of the parsers (VelaturaError).
    """
    content = PictureRef.from_wire(request.content)
    styles = styles_from_wire(request.styles)
    settings = StyleSettings.from_wire(request.settings)
    _check_size("layer", content, limit)
    for style in styles:
        _check_size("style picture", style.picture, max(limit, STYLE_MEGAPIXELS))
    mask = PictureRef.from_wire(request.mask) if request.mask is not None else None
    _check_mask("mask", mask, content)
    for style in styles:
        _check_mask("region", style.region, content)
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
    )


def check_fits_locally(job: Job, config: DaemonConfig) -> None:
    """Check a job that the fallback is about to run. Raises PictureTooLarge if it exceeds this machine's memory."""
    content, limit = job.content, config.megapixels_here
    if content.megapixels > limit and not job.finish_now:
        raise PictureTooLarge(
            f"This machine replaces {config.remote_name}, which cannot be reached, and accepts up to {limit:g} "
            f"megapixels; the layer has {content.megapixels:.3g}. Restyle it again when the connection is back, or "
            f"make it smaller: {_size_that_fits(content, limit)} would fit here."
        )


def _check_size(name: str, picture: PictureRef, limit: float) -> None:
    """name: of the picture, in the error. limit: megapixels."""
    if picture.megapixels > limit:
        enough = int(picture.megapixels) + 1
        raise PictureTooLarge(
            f"The {name} has {picture.megapixels:.3g} megapixels; this daemon accepts up to {limit:g}: "
            f"{_size_that_fits(picture, limit)} would fit. Select a part, make it smaller, or "
            f"start the daemon with --max-megapixels {enough} (about {enough * BYTES_PER_PIXEL / 1e3 + 2:.0f} GB "
            "of memory)."
        )


def _check_mask(name: str, mask: PictureRef | None, content: PictureRef) -> None:
    """name: of the mask, in the error."""
    if mask is None:
        return
    if mask.format.channels != "GRAY":
        raise BadMessage(f"A {name} has to be a GRAY picture.")
    if (mask.width, mask.height) != (content.width, content.height):
        raise BadMask(
            f"The {name} is {mask.width} × {mask.height} pixels and the picture {content.width} × {content.height}. "
            f"Give a {name} of the picture's size."
        )


def _size_that_fits(picture: PictureRef, limit: float) -> str:
    """Return a size of the same shape with `limit` megapixels, as text."""
    scale = (limit / picture.megapixels) ** 0.5
    return f"{int(picture.width * scale)} × {int(picture.height * scale)}"
