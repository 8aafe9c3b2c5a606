"""A JobSpec as a request to another daemon, and the checks of what comes back."""

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
# A note makes the other daemon keep a stopped job; the history stays with the user's own daemon.
NOTE = "restyled for another daemon"


@dataclass
class RemoteJob:
    """The job that runs there, and its request. connected: the connection was up since. retry_at: by time.monotonic(),
    when it is sent again after a refusal; 0: it is there."""

    spec: JobSpec
    request: p.Restyle
    connected: bool = False
    retry_at: float = 0.0
    next_checkpoint: float = 0.0
    notified_waiting: bool = False
    preview: p.Preview | None = None


class CheckingClient(Client):
    """A client that fetches no result but one of what it has sent. expected: that request."""

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
                "The daemon that does the work sent a result that is not of the picture it was given. Do not trust it."
            )
        super()._fetch_result(result)


def request_for(spec: JobSpec) -> p.Restyle:
    """What leaves this daemon. Each field is named here: a new one stays until somebody adds it."""
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
    """A text of the other daemon's, safe to show."""
    return "".join(c for c in str(value or "")[:MAX_LABEL] if c.isprintable())
