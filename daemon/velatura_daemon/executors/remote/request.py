"""Converts a JobSpec into a restyle request to another daemon, and checks the results that come back."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from velatura.client.client import Client
from velatura.errors import BadMessage, BadSetting, VelaturaError
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura.settings import StyleSettings, default_of
from velatura_daemon.jobs.events import Estimated
from velatura_daemon.jobs.spec import JobSpec

MAX_LABEL = 200  # characters
SLOW_CHUNK = 256 << 10  # bytes; at 50 kB/s half of the ten seconds after which a silent client is dropped
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

    def send_in_small_pieces(self) -> None:
        """For a slow line: the other daemon hears complete messages only, and drops a client that it does not hear."""
        self._blobs.chunk = SLOW_CHUNK

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


def request_for(spec: JobSpec, known_settings: frozenset[str] | None = None) -> p.Restyle:
    """Return the request for a job: everything that leaves this daemon.

    Each field is named, so that a new field of JobSpec is not sent unless it is added here. known_settings: those that
    the other daemon knows; None: all. Raises BadSetting if the job uses one that it does not know.
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
        settings=_settings_for(spec.settings, known_settings),
        adjust=spec.adjust,
        weights=spec.weights,
        device=spec.device,
        note=NOTE if spec.resumable else "",
        remember=False,
    )


def _settings_for(settings: StyleSettings, known: frozenset[str] | None) -> dict[str, Any]:
    """Leave out what an older version does not know and this job does not use."""
    values = settings.to_wire()
    unknown = [name for name in values if known is not None and name not in known]
    used = [name for name in unknown if values[name] != default_of(name)]
    if used:
        raise BadSetting(
            f"The Velatura on the other machine is older and does not know the setting {used[0]!r}. Update it there, "
            "or set it back to its default."
        )
    return {name: value for name, value in values.items() if name not in unknown}


def estimated(event: p.Estimate, ticket: str, work_place: str) -> Estimated:
    """work_place: added to the sentence, as in 'on me@box'; '': nothing is added."""
    sentence = event.sentence
    if event.seconds >= 0 and work_place:
        sentence = f"{sentence.removesuffix('.')}, {work_place}."
    return Estimated(ticket, event.seconds, event.memory, event.tile, event.device, sentence)


def internal_error(error: Exception) -> VelaturaError:
    return VelaturaError(f"An internal error stopped this job ({type(error).__name__}). See the daemon's log.")


def label(value: object) -> str:
    """Return a text from the other daemon, cut to MAX_LABEL printable characters."""
    return "".join(c for c in str(value or "")[:MAX_LABEL] if c.isprintable())
