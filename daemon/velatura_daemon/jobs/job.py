"""A job and its states: plain data, no sockets, no torch.

    waiting ──▶ queued ──▶ running ──▶ done
       │           │  ▲       │
       │           ▼  │       ▼
       └────▶ parked (its client is silent) ──▶ dropped

`waiting` is for pictures that are still on their way. A worker's death sends a running job back to `queued`, once; the
loss of a cluster's machine, a few times.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from velatura.pixels import PictureRef
from velatura.protocol.messages import Restyle
from velatura.protocol.style_share import StyleShare
from velatura.settings import StyleSettings

WAITING, QUEUED, RUNNING, PARKED = "waiting", "queued", "running", "parked"
DEATHS_ALLOWED = 1  # a job that has killed two workers is not tried again
MOVES_ALLOWED = 3  # losses of a cluster's node, or its head
JOBS_PER_CLIENT = 32


@dataclass
class Job:
    """One restyle and how far it is.

    session: the one that requested it, and is notified. program: what that called itself. request: as it came. missing:
    blobs still on their way. resume: it was stopped before and continues from its last image. paused: by this very
    daemon, a moment ago. finish_now: no further step. deaths: workers that died with it. moves: how often its machine
    went, for no fault of the job's. notified_*: what its client knows already. preview_due: its client has shown the
    last preview.
    """

    id: str
    client_id: str
    session: bytes
    layer: str
    content: PictureRef
    styles: list[StyleShare]
    mask: PictureRef | None
    settings: StyleSettings
    adjust: bool
    weights: str
    device: str
    program: str
    request: Restyle
    state: str = WAITING
    missing: set[bytes] = field(default_factory=set)
    deaths: int = 0
    resume: bool = False
    finish_now: bool = False
    paused: bool = False
    moves: int = 0
    notified_position: int = -1
    notified_waiting: bool = False
    notified_fallback: bool = False
    preview_due: bool = True

    @property
    def blobs(self) -> set[bytes]:
        """Every blob that it reads."""
        return {blob for picture in self.pictures for blob in picture.blobs}

    @property
    def resumable(self) -> bool:
        """Whether it is kept when it is stopped. Jobs that the history leaves out are kept only if their client notes
        what they are."""
        return self.request.remember or self.request.note != ""

    @property
    def pictures(self) -> list[PictureRef]:
        """Content, styles, regions, mask."""
        return [
            self.content,
            *(p for style in self.styles for p in style.pictures),
            *([self.mask] if self.mask else []),
        ]

    @property
    def warm_start_key(self) -> tuple[object, ...]:
        """What has to be equal for the last image of one job to start another: content, mask, styles with their
        regions."""
        return (self.content, self.mask, tuple(self.styles), self.settings.seamless)
