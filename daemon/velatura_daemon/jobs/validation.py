"""From what a client asks to a job: every field checked, before any pixel comes."""

from __future__ import annotations

from velatura.errors import BadMask, BadMessage, PictureTooLarge
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura.protocol.style_share import styles_from_wire
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.job import Job
from velatura_daemon.memory_plan import MIN_PAIRS, PAIR_BYTES, STATE_BYTES

BYTES_PER_PIXEL = STATE_BYTES + PAIR_BYTES * MIN_PAIRS  # in tiles
STYLE_MEGAPIXELS = 64.0  # a style is decoded whole, and looked at no larger than a quarter of that


def job_from(request: p.Restyle, session: bytes, client_id: str, program: str, limit: float) -> Job:
    """The job that a request asks for. limit: megapixels of a content. Raises VelaturaError."""
    content = PictureRef.from_wire(request.content)
    styles = styles_from_wire(request.styles)
    settings = StyleSettings.from_wire(request.settings)
    limits = [("layer", content, limit)]
    limits += [("style picture", style.picture, max(limit, STYLE_MEGAPIXELS)) for style in styles]
    for what, picture, most in limits:
        if picture.megapixels > most:
            enough = int(picture.megapixels) + 1
            raise PictureTooLarge(
                f"The {what} has {picture.megapixels:.3g} megapixels; this daemon takes up to {most:g}: "
                f"{_size_that_fits(picture, most)} would fit. Select a part, make it smaller, or "
                f"start the daemon with --max-megapixels {enough} (about {enough * BYTES_PER_PIXEL / 1e3 + 2:.0f} GB "
                "of memory)."
            )
    mask = PictureRef.from_wire(request.mask) if request.mask is not None else None
    for what, grey in [("mask", mask), *(("region", style.region) for style in styles)]:
        if grey is None:
            continue
        if grey.format.channels != "GRAY":
            raise BadMessage(f"A {what} is a GRAY picture.")
        if (grey.width, grey.height) != (content.width, content.height):
            raise BadMask(
                f"The {what} is {grey.width} × {grey.height} pixels and the picture {content.width} × "
                f"{content.height}. "
                f"Give a {what} of the picture's size."
            )
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
    """Others would have done it, and it is this machine's turn. Raises PictureTooLarge where it is more than its memory
    can hold."""
    content, most = job.content, config.megapixels_here
    if content.megapixels > most and not job.finish_now:
        raise PictureTooLarge(
            f"This machine stands in for {config.remote_name}, which cannot be reached, and takes up to {most:g} "
            "megapixels; the layer has "
            f"{content.megapixels:.3g}. Restyle it again when the others are back, or make it smaller: "
            f"{_size_that_fits(content, most)} would fit here."
        )


def _size_that_fits(picture: PictureRef, most: float) -> str:
    """The same shape with so many megapixels."""
    fit = (most / picture.megapixels) ** 0.5
    return f"{int(picture.width * fit)} × {int(picture.height * fit)}"
