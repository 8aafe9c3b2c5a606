"""The pictures of a running batch, the batch's outcome, and the interface that shows its progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from velatura.client.events import Event
from velatura.errors import VelaturaError
from velatura_daemon.batch.frames import Frame
from velatura_daemon.batch.manifest import Fingerprint
from velatura_daemon.batch.recipe import RestyleRequest

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import Metadata


class BatchObserver(Protocol):
    """Is notified of a batch's progress.

    progress: settled is the number of finished and failed pictures; running is the sum of the progress, 0 to 1, of
    those in flight.
    """

    def submitted(self, frame: Frame, job: str) -> None: ...
    def event(self, event: Event) -> None: ...
    def progress(self, settled: int, per_minute: float, running: float) -> None: ...
    def made(self, frame: Frame, metadata: dict[str, Any]) -> None: ...
    def failed(self, frame: Frame, error: VelaturaError) -> None: ...
    def note(self, sentence: str, about: Frame | None = None) -> None: ...


@dataclass(eq=False)
class Item:
    """A picture of a running batch.

    force: overwrite an existing file. fingerprint: of the photo's file when it was read. metadata: what
    its result keeps. done: progress of the job, 0
    to 1. refusals: how often the daemon was too busy to accept it.
    """

    frame: Frame
    force: bool
    fingerprint: Fingerprint | None = None
    request: RestyleRequest | None = None
    metadata: Metadata | None = None
    job: str = ""
    done: float = 0.0
    refusals: int = 0

    @property
    def bytes_held(self) -> int:
        return self.request.content.nbytes if self.request else 0


@dataclass
class Outcome:
    """made: results written by this run. failed: pictures without a result. weights, device: of the last result."""

    made: list[Frame] = field(default_factory=list)
    failed: list[tuple[Frame, VelaturaError]] = field(default_factory=list)
    weights: str = ""
    device: str = ""
