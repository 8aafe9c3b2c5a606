"""One picture over several workers: each has tiles of its own, and the sums over all of them are what each step looks at.

The leader has the picture, the optimiser, the styles' targets and every decision. A helper is sent its tiles' pixels, gives
their sums, is told how each sum should change, and gives the slope of its tiles' inner pixels. What travels a step is the
picture there and back, and twice the sums; the result is one worker's but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from pastiche_daemon.engine.company import Company, CompanyLost
from pastiche_daemon.engine.network import Network
from pastiche_daemon.engine.objective import Local, Losses, Objective
from pastiche_daemon.engine.regions import cut
from pastiche_daemon.engine.tiles import Share, Tile, in_grid, judged
from pastiche_daemon.room import REACH, Grid, Room, grid_for, pays_to_share, plan_for

OVER, APART, SCALE, EVALUATE = range(4)  # commands; SCALE has width, height, rows and columns


def shares_of(size: tuple[int, int], grid: Grid, workers: int, wraps: bool) -> list[list[Tile]]:
    """Each worker's tiles, by rank. size: (height, width), padded."""
    all_tiles = list(in_grid(*size, grid.rows, grid.columns, 2 * REACH, wraps))
    ends = [len(all_tiles) * rank // workers for rank in range(workers + 1)]
    return [all_tiles[first:last] for first, last in pairwise(ends)]


class SharedTiles:
    """The leader's side: an objective whose tiles are everybody's."""

    def __init__(self, objective: Objective, company: Company, grid: Grid) -> None:
        self.objective = objective
        self.company = company
        own, *self.others = shares_of(objective.size, grid, company.size, objective.wraps)
        self.share = Share(objective, own)

    def evaluate(self, image: Tensor) -> tuple[Losses, Tensor]:
        """As `tiles.Tiled.evaluate`. Raises CompanyLost."""
        objective, company, result = self.objective, self.company, torch.empty_like(image)

        def pixels(tile: Tile) -> Tensor:
            return cut(image, tile.outer, objective.wraps)

        company.command(EVALUATE)
        for rank, tiles in enumerate(self.others, 1):
            for tile in tiles:
                company.send(pixels(tile), rank)
        sums, local, kept = self.share.sums(pixels)
        company.all_sent()
        self.share.give_memory_back()
        *sums, content, steps = company.add_up([*sums, local.content, local.steps], image)
        losses, slopes = judged(objective, sums, Local(content, steps))
        company.hand_out(slopes, image)
        for tile, slope in self.share.slopes(pixels, slopes, kept):
            tile.inner.of(result).copy_(slope)
        for rank, tiles in enumerate(self.others, 1):
            for tile in reversed(tiles):
                tile.inner.of(result).copy_(company.receive((3, tile.inner.height, tile.inner.width), image, rank))
        self.share.give_memory_back()
        return losses, result


def help_evaluate(company: Company, share: Share, like: Tensor) -> None:
    """The helper's side of one evaluation. like: of the picture's type, and where its tiles are to wait. Raises CompanyLost."""
    pieces = {tile: company.receive((3, tile.outer.height, tile.outer.width), like, 0) for tile in share.tiles}
    sums, local, kept = share.sums(pieces.__getitem__)
    company.add_up([*sums, local.content, local.steps], like)
    slopes = company.hand_out(sums, like)
    for _, slope in share.slopes(pieces.__getitem__, slopes, kept):
        company.send(slope, 0)
    company.all_sent()
    share.give_memory_back()


class Meeting(Protocol):
    """Where the leader finds its helpers. workers: how many there may be, it among them. news: sentences for the painter."""

    workers: int
    news: list[str]

    def company(self) -> Company | None:
        """Those who are here: a company of them all, a new one where somebody has come, or gone, since the last. None where
        nobody is."""

    def rooms(self) -> list[Room]:
        """What each helper of the company may take of its device."""

    def somebody_waits(self) -> bool:
        """Who is not of the company yet."""

    def part(self, words: str) -> None:
        """The company cannot go on; words: of why, for the log."""


class Sharing:
    """The leader's side of one scale: who has which part of it. side: of the leader's tiles where it is alone, 0 for the whole at once."""

    def __init__(self, meeting: Meeting, scale: tuple[int, int], size: tuple[int, int], side: int, network: Network) -> None:
        """scale: (width, height). size: (height, width), padded."""
        self.meeting, self.scale, self.size, self.side, self.network = meeting, scale, size, side, network
        self.company: Company | None = None
        self.grid: Grid | None = None

    @property
    def pays(self) -> bool:
        """With everybody who may come."""
        grid = grid_for(*self.size, self.meeting.workers, self.side)
        return grid is not None and pays_to_share(*self.size, self.meeting.workers, grid, self.side)

    def begin(self) -> None:
        """Gather whoever is here, and tell them of this scale: they prepare it while the leader does."""
        self.company = None
        while self.company is None and (company := self.meeting.company()) is not None:
            self.grid = grid_for(*self.size, company.size, self._side_for(self.meeting.rooms()))
            if self.grid is None or not pays_to_share(*self.size, company.size, self.grid, self.side):
                return
            try:
                company.command(SCALE, *self.scale, self.grid.rows, self.grid.columns)
                self.company = company
            except CompanyLost as lost:
                self.meeting.part(str(lost))

    def tiles(self, objective: Objective) -> SharedTiles | None:
        """None where the leader is alone."""
        return None if self.company is None or self.grid is None else SharedTiles(objective, self.company, self.grid)

    def somebody_waits(self) -> bool:
        """Who came late, or comes again: it need not wait for the next scale."""
        return self.meeting.somebody_waits()

    def _side_for(self, rooms: list[Room]) -> int:
        """What everybody has room for."""
        plans = (plan_for(*self.size, replace(room, host_bytes=0), self.network.element, self.network.width) for room in rooms)
        sides = [side for side in (self.side, *(plan.side for plan in plans)) if side]
        return min(sides, default=0)


Beginnings = Callable[[tuple[int, int], Grid, int, int], Share]  # from (width, height), a grid, how many workers, the rank


def follow(company: Company, beginning: Beginnings, like: Tensor, leaving: Callable[[], bool]) -> bool:
    """A helper's work, until it is over: True; or until this company is, or `leaving`: False. Raises CompanyLost."""
    share: Share | None = None
    while True:
        command, *numbers = company.hear()
        if command in (OVER, APART) or leaving():
            return command == OVER
        if command == SCALE:
            share = None  # its memory goes before the next one's comes
            width, height, rows, columns = numbers
            share = beginning((width, height), Grid(rows, columns), company.size, company.rank)
        elif share is not None:
            help_evaluate(company, share, like)
