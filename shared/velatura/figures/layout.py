"""How the figures of `velatura.figures.explain` lie side by side in one picture, each a layer with a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from velatura.client.client import Finished
from velatura.figures.explain import Figure
from velatura.pixels import Picture

GAP = 12  # pixels between figures, and around them
GROUP_GAP = 4 * GAP


@dataclass(frozen=True)
class PlacedFigure:
    """A figure in its place. left, top: in the sheet's pixels."""

    name: str
    group: str
    picture: Picture
    left: int
    top: int


@dataclass(frozen=True)
class Sheet:
    width: int
    height: int
    hung: list[PlacedFigure]

    @property
    def groups(self) -> dict[str, list[PlacedFigure]]:
        """By group, in their order."""
        found: dict[str, list[PlacedFigure]] = {}
        for one in self.hung:
            found.setdefault(one.group, []).append(one)
        return found


def hang(figures: Sequence[Figure], results: Sequence[Finished], width: int, height: int) -> Sheet:
    """Group under group; in a group, equal labels stand in one line. width, height: of the photo, which a result may be
    a few pixels smaller than."""
    hung, top, right = [], GAP, 0
    for group in dict.fromkeys(figure.group for figure in figures):
        of_group = [(figure, result) for figure, result in zip(figures, results, strict=True) if figure.group == group]
        rows = list(dict.fromkeys(figure.row for figure, _ in of_group))
        columns = list(dict.fromkeys(figure.column for figure, _ in of_group))
        for figure, done in of_group:
            left = GAP + columns.index(figure.column) * (width + GAP)
            down = top + rows.index(figure.row) * (height + GAP)
            hung.append(PlacedFigure(figure.name, group, done.picture, left + done.result.left, down + done.result.top))
        right = max(right, GAP + len(columns) * (width + GAP))
        top += len(rows) * (height + GAP) + GROUP_GAP
    return Sheet(right, top - GROUP_GAP, hung)
