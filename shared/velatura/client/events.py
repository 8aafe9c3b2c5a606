"""The events of a `Client`, and the styles that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.pixels import Picture
from velatura.protocol import messages as p


class GivenStyle(NamedTuple):
    """A style for a restyle.

    Attributes:
        picture: The style.
        share: Its weight among several styles.
        region: Where in the content it applies, a GRAY picture of the content's size that is 0 elsewhere. None:
            everywhere that no region covers.
        name: What it is called, for the history.
        path: The file that it came from, for the history.
    """

    picture: Picture
    share: float = 1.0
    region: Picture | None = None
    name: str = ""
    path: str = ""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The picture, and the region if there is one."""
        return (self.picture,) if self.region is None else (self.picture, self.region)

    def to_wire(self) -> dict[str, Any]:
        """The style as an item of the `styles` field of `messages.Restyle`."""
        region = None if self.region is None else self.region.ref.to_wire()
        return {
            "picture": self.picture.ref.to_wire(),
            "share": self.share,
            "region": region,
            "name": self.name[: p.MAX_NAME],
            "path": self.path[: p.MAX_NOTE],
        }


StyleList = Sequence[GivenStyle | tuple[Picture, float]]


@dataclass(frozen=True)
class Connected:
    """The daemon is connected and authenticated.

    Attributes:
        welcome: Its `results` are finished results of this client that were not fetched yet, as many as fit into the
            message.
    """

    welcome: p.Welcome


@dataclass(frozen=True)
class Finished:
    """A result has arrived.

    Attributes:
        job: The id of the job.
        picture: In the format of the content.
        result: Its position, weights, losses and notes.
        mask: The selection, of the content's size. None: everything was selected.
    """

    job: str
    picture: Picture
    result: p.Result
    mask: Picture | None = None


@dataclass(frozen=True)
class StepPicture:
    """The picture of a running job as its result would be now, in the format of the content.

    Attributes:
        job: The id of the job.
        number: The number of the evaluation.
        picture: The picture.
    """

    job: str
    number: int
    picture: Picture


@dataclass(frozen=True)
class SavedItems:
    """The finished results and stopped restyles that the daemon has saved, the newest first."""

    items: list[SavedItem]


@dataclass(frozen=True)
class HistoryEntries:
    """A part of the history, the newest first."""

    entries: list[HistoryEntry]


Event = (
    Connected
    | Finished
    | StepPicture
    | p.Accepted
    | p.Queued
    | p.Estimate
    | p.Progress
    | p.ProgressSaved
    | p.Preview
    | p.Notice
    | p.Failed
    | p.Cancelled
    | p.Status
    | SavedItems
    | HistoryEntries
)
