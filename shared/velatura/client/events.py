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

    share: its weight among several styles. region: where in the content it applies, a GRAY picture of the content's
    size that is 0 elsewhere; None: everywhere that no region covers. name, path: what it is called and the file that it
    came from, for the history.
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

    `welcome.results` are finished results of this client that were not fetched yet, as many as fit into the message.
    """

    welcome: p.Welcome


@dataclass(frozen=True)
class Finished:
    """A result has arrived.

    picture: in the format of the content. result: its position, weights, losses and notes. mask: the selection, of the
    content's size; None: everything was selected.
    """

    job: str
    picture: Picture
    result: p.Result
    mask: Picture | None = None


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
    | p.Accepted
    | p.Queued
    | p.Estimate
    | p.Progress
    | p.Preview
    | p.Notice
    | p.Failed
    | p.Cancelled
    | p.Status
    | SavedItems
    | HistoryEntries
)
