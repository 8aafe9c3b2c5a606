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
from velatura.protocol.previous_frame import PreviousFrame
from velatura.protocol.style_share import StyleShare
from velatura.settings import StyleSettings
from velatura_daemon.jobs.spec import View

WAITING, QUEUED, RUNNING, PARKED = "waiting", "queued", "running", "parked"
DEATHS_ALLOWED = 1  # a job that has killed two workers is not tried again
MOVES_ALLOWED = 3  # losses of a cluster's node, or its head
JOBS_PER_CLIENT = 32
JOBS_IN_ALL = 1024  # whose requests have 64 KiB each at most; the largest load that is tested has 192


@dataclass
class Job:
    """One restyle and how far it is.

    session: the one that requested it, and is notified. program: what that called itself. request: as it came. missing:
    blobs still on their way. resume: it was stopped before and continues from its last image. has_begun: there is
    progress to continue from. paused: by this very daemon, a moment ago. finish_now: no further step. deaths: workers
    that died with it. moves: how often its machine went, for no fault of the job's. notified_*: what its client knows
    already. preview_due: its client has shown the last preview.
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
    view: View | None = None
    previous: tuple[PreviousFrame, ...] = ()
    state: str = WAITING
    missing: set[bytes] = field(default_factory=set)
    deaths: int = 0
    resume: bool = False
    finish_now: bool = False
    has_begun: bool = False
    paused: bool = False
    moves: int = 0
    notified_position: int = -1
    notified_waiting: bool = False
    notified_fallback: bool = False
    notified_unsaved: bool = False
    preview_due: bool = True

    @property
    def blobs(self) -> set[bytes]:
        """Every blob that it reads."""
        return {blob for picture in self.pictures for blob in picture.blobs}

    @property
    def background(self) -> bool:
        """Whether it waits for all others, and gives up its worker to one that waits."""
        return self.request.background

    @property
    def resumable(self) -> bool:
        """Whether it is kept when it is stopped. Jobs that the history leaves out are kept only if their client notes
        what they are; views are not."""
        return self.view is None and (self.request.remember or self.request.note != "")

    @property
    def pictures(self) -> list[PictureRef]:
        """Content, styles, regions, mask, previous frames."""
        return [
            self.content,
            *(p for style in self.styles for p in style.pictures),
            *([self.mask] if self.mask else []),
            *(p for frame in self.previous for p in frame.pictures),
        ]

    @property
    def result_bytes(self) -> int:
        """How many bytes the pixels of its result have at most."""
        part = self.view or self.content
        return self.content.length * part.width * part.height // (self.content.width * self.content.height)

    @property
    def warm_start_key(self) -> tuple[object, ...]:
        """What has to be equal for the last image of one job to start another: content, mask, styles with their
        regions."""
        return (self.content, self.mask, tuple(self.styles), self.settings.seamless)
