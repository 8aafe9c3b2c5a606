"""A helper's side of the recipe: of each scale that is shared, what its own tiles want."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from pastiche.settings import StyleSettings
from pastiche_daemon.engine.company import Company
from pastiche_daemon.engine.network import Network
from pastiche_daemon.engine.pyramid import Scale
from pastiche_daemon.engine.shared_tiles import follow, shares_of
from pastiche_daemon.engine.source import Source
from pastiche_daemon.engine.stylise import prepared
from pastiche_daemon.engine.targets import canvas_at, share_at
from pastiche_daemon.engine.tiles import Share
from pastiche_daemon.room import EVERYTHING, Grid, Room, plan_for


class Helper:
    """Given the same pictures and settings as the leader's `stylise`."""

    def __init__(
        self, content: Source, styles: Sequence[Source], settings: StyleSettings, network: Network, room: Room = EVERYTHING
    ) -> None:
        self.settings, self.network, self.room = settings, network, room
        self.content, _, self.territories = prepared(content, styles, settings, network)

    def follow(self, company: Company, leaving: Callable[[], bool]) -> bool:
        """Work until the leader says that it is over: True; that this company is, or `leaving`: False. Raises CompanyLost."""
        like = torch.empty(0, dtype=self.network.mean.dtype, device=company.device)  # tiles wait where they come in
        return follow(company, self._share, like, leaving)

    def _share(self, size: tuple[int, int], grid: Grid, workers: int, rank: int) -> Share:
        scale = Scale(*size, steps=0)
        canvas = canvas_at(self.content, scale, self.settings.seamless)
        if plan_for(*scale.padded, self.room, self.network.element, self.network.width).on_host:
            canvas = canvas.cpu()
        own = shares_of(scale.padded, grid, workers, self.settings.seamless)[rank]
        return Share(share_at(self.network, self.content, self.territories, canvas, scale, self.settings, own), own)
