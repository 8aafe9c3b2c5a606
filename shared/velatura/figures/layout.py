"""The layout of the figures of `velatura.figures.explain` on one sheet, where each becomes a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from velatura.client.events import Finished
from velatura.figures.explain import Figure
from velatura.pixels import Picture

GAP = 12  # pixels between figures, and around them
GROUP_GAP = 4 * GAP


@dataclass(frozen=True)
class PlacedFigure:
    """A figure and its position on the sheet, in pixels."""

    name: str
    group: str
    picture: Picture
    left: int
    top: int


@dataclass(frozen=True)
class Sheet:
    """The size of the sheet in pixels, and its figures."""

    width: int
    height: int
    figures: list[PlacedFigure]

    @property
    def groups(self) -> dict[str, list[PlacedFigure]]:
        """The figures by group, in their order."""
        groups: dict[str, list[PlacedFigure]] = {}
        for figure in self.figures:
            groups.setdefault(figure.group, []).append(figure)
        return groups


def lay_out(figures: Sequence[Figure], results: Sequence[Finished], width: int, height: int) -> Sheet:
    """Arrange the results of the figures on a sheet, with the groups below each other.

    Figures of a group with equal labels are in the same row or column. width, height: of the photo in pixels; a result
    may be a few pixels smaller.
    """
    placed, top, right = [], GAP, 0
    for group in dict.fromkeys(figure.group for figure in figures):
        members = [(figure, result) for figure, result in zip(figures, results, strict=True) if figure.group == group]
        rows = list(dict.fromkeys(figure.row for figure, _ in members))
        columns = list(dict.fromkeys(figure.column for figure, _ in members))
        for figure, done in members:
            x = GAP + columns.index(figure.column) * (width + GAP) + done.result.left
            y = top + rows.index(figure.row) * (height + GAP) + done.result.top
            placed.append(PlacedFigure(figure.name, group, done.picture, x, y))
        right = max(right, GAP + len(columns) * (width + GAP))
        top += len(rows) * (height + GAP) + GROUP_GAP
    return Sheet(right, top - GROUP_GAP, placed)
