"""Converts a JobSpec into a restyle request to another daemon, and checks the results that come back."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Any

from velatura.client.client import Client
from velatura.client.events import Event
from velatura.errors import BadMessage, BadSetting, VelaturaError
from velatura.foreign_text import visible
from velatura.i18n import lazy_text, limited
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura.settings import StyleSettings, default_of
from velatura_daemon.jobs.events import Estimated
from velatura_daemon.jobs.spec import JobSpec

MAX_LABEL = 200  # characters
# Of what the other daemon says: what is sent on to a client has to fit into a header (64 KiB; four bytes a character).
MAX_SENTENCE, MAX_NOTES, MAX_NOTE = 2000, 16, 500
SLOW_CHUNK = 256 << 10  # bytes; at 50 kB/s half of the ten seconds after which a silent client is dropped
# Because of the note the other daemon saves the job if it is stopped. The history stays with the user's own daemon.
NOTE = lazy_text("restyled for another daemon")


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
            or (request.view is not None and request.view != [result.left, result.top, ref.width, ref.height])
            or not (0 <= result.left <= content.width - ref.width and 0 <= result.top <= content.height - ref.height)
        ):
            raise BadMessage(
                lazy_text(
                    "The daemon that does the work sent a result that does not match the picture it received. Do not "
                    "trust it."
                )
            )
        super()._fetch_result(result)


def request_for(
    spec: JobSpec, known_settings: frozenset[str] | None = None, version: tuple[int, int] = p.VERSION
) -> p.Restyle:
    """Return the request for a job: everything that leaves this daemon.

    Each field is named, so that a new field of JobSpec is not sent unless it is added here. known_settings: those that
    the other daemon knows; None: all. version: of its protocol. Raises BadSetting if the job uses what it does not
    know.
    """
    if spec.view is not None and version < p.VIEW_SINCE:
        raise BadSetting(
            lazy_text(
                "Velatura on the other machine is older and cannot restyle a view alone. Update it there, or restyle "
                "the whole picture."
            )
        )
    if spec.previous and version < p.FILM_SINCE:
        raise BadSetting(
            lazy_text(
                "Velatura on the other machine is older and cannot restyle films. Update it there, or restyle the "
                "film with steadiness 0."
            )
        )
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
        view=[spec.view.left, spec.view.top, spec.view.width, spec.view.height] if spec.view is not None else None,
        previous=[
            {"content": frame.content.picture.to_wire(), "result": frame.result.picture.to_wire()}
            for frame in spec.previous
        ],
        background=spec.background,
        via=list(spec.via),
        once=spec.once,
    )


def _settings_for(settings: StyleSettings, known: frozenset[str] | None) -> dict[str, Any]:
    """Leave out what an older version does not know and this job does not use."""
    values = settings.to_wire()
    unknown = [name for name in values if known is not None and name not in known]
    used = [name for name in unknown if values[name] != default_of(name)]
    if used:
        raise BadSetting(
            lazy_text(
                "Velatura on the other machine is older and does not know the setting {setting}. Update it there, or "
                "set it back to its default.",
                setting=repr(used[0]),
            )
        )
    return {name: value for name, value in values.items() if name not in unknown}


def estimated(event: p.Estimate, ticket: str, machine: str) -> Estimated:
    """machine: where the work is done, for the sentence; '': nothing is added."""
    sentence = event.sentence
    if event.seconds >= 0 and machine:
        # Translators: the name of a machine, and a whole sentence such as "About 20 seconds and 1.2 GB on NVIDIA …."
        sentence = lazy_text("{machine}: {estimate}", machine=machine, estimate=sentence)
    return Estimated(ticket, event.seconds, event.memory, event.tile, event.device, sentence)


def internal_error(error: Exception) -> VelaturaError:
    return VelaturaError(
        lazy_text("An internal error stopped this job ({kind}). See the daemon's log.", kind=type(error).__name__)
    )


def label(value: object) -> str:
    """Return a text from the other daemon on one line, cut to MAX_LABEL characters; '' if it is no text."""
    return visible(value[:MAX_LABEL])[:MAX_LABEL] if isinstance(value, str) else ""


def shortened(event: Event) -> Event:
    """An event of the other daemon with sentences of a length that can be sent on."""
    if isinstance(event, p.Failed):
        return replace(event, code=event.code[:MAX_LABEL], sentence=limited(event.sentence, MAX_SENTENCE))
    if isinstance(event, p.Notice):
        return replace(event, sentence=limited(event.sentence, MAX_SENTENCE))
    if isinstance(event, p.Estimate):
        return replace(event, device=label(event.device), sentence=limited(event.sentence, MAX_SENTENCE))
    return event


def notes_of(result: p.Result) -> tuple[str, ...]:
    """The notes of a result of the other daemon, as many as can be sent on."""
    return tuple(limited(note, MAX_NOTE) for note in result.notes[:MAX_NOTES] if isinstance(note, str))


def is_preview(preview: p.Preview) -> bool:
    """Whether a preview of the other daemon has the pixels of its size."""
    pixels = preview.width * preview.height if preview.width > 0 and preview.height > 0 else 0
    return pixels > 0 and memoryview(preview.data).nbytes == 3 * pixels
