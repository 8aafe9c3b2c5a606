"""Converts a JobSpec into a restyle request to another daemon, and checks the results that come back."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from velatura.client.client import Client
from velatura.errors import BadMessage, VelaturaError
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura_daemon.jobs.events import Estimated
from velatura_daemon.jobs.spec import JobSpec

MAX_LABEL = 200  # characters
# Because of the note the other daemon saves the job if it is stopped. The history stays with the user's own daemon.
NOTE = "restyled for another daemon"


@dataclass
class RemoteJob:
    """The job that runs there, and its request.

    connected: the connection has been up since the job was sent. retry_at: time.monotonic() at which the job is sent
    again after a refusal; 0: the other daemon has it. next_checkpoint: time.monotonic() of the next report.
    notified_waiting: the user has read that the job waits.
    """

    spec: JobSpec
    request: p.Restyle
    connected: bool = False
    retry_at: float = 0.0
    next_checkpoint: float = 0.0
    notified_waiting: bool = False
    preview: p.Preview | None = None


class CheckingClient(Client):
    """A client that fetches only a result that matches its request. expected: that request."""

    expected: p.Restyle | None = None

    def _fetch_result(self, result: p.Result) -> None:
        request, ref = self.expected, PictureRef.from_wire(result.picture)
        content = PictureRef.from_wire(request.content) if request is not None else None
        if (
            request is None
            or content is None
            or result.job != request.job
            or result.mask not in (None, request.mask)
            or (ref.format, ref.profile) != (content.format, content.profile)
            or not (0 <= result.left <= content.width - ref.width and 0 <= result.top <= content.height - ref.height)
        ):
            raise BadMessage(
                "The daemon that does the work sent a result that does not match the picture it received. "
                "Do not trust it."
            )
        super()._fetch_result(result)


def request_for(spec: JobSpec) -> p.Restyle:
    """Return the request for a job: everything that leaves this daemon.

    Each field is named, so that a new field of JobSpec is not sent unless it is added here.
    """
    styles = [
        {
            "picture": style.picture.picture.to_wire(),
            "share": style.share,
            "region": style.region.picture.to_wire() if style.region is not None else None,
        }
        for style in spec.styles
    ]
    return p.Restyle(
        job=uuid.uuid4().hex,
        layer=hashlib.sha256(spec.layer.encode()).hexdigest(),
        content=spec.content.picture.to_wire(),
        styles=styles,
        mask=spec.mask.picture.to_wire() if spec.mask is not None else None,
        settings=spec.settings.to_wire(),
        adjust=spec.adjust,
        weights=spec.weights,
        device=spec.device,
        note=NOTE if spec.resumable else "",
        remember=False,
    )


def estimated(event: p.Estimate, ticket: str) -> Estimated:
    return Estimated(ticket, event.seconds, event.memory, event.tile, event.device, event.sentence)


def internal_error(error: Exception) -> VelaturaError:
    return VelaturaError(f"An internal error stopped this job ({type(error).__name__}). See the daemon's log.")


def label(value: object) -> str:
    """Return a text from the other daemon, cut to MAX_LABEL printable characters."""
    return "".join(c for c in str(value or "")[:MAX_LABEL] if c.isprintable())
