"""Objectives for tests: of any content and styles, at the last scale of a restyle."""

from __future__ import annotations

from collections.abc import Sequence

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.losses.objective import Objective
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.pyramid import scales_for
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import style_regions_of
from velatura_daemon.engine.targets import TargetExtractor, content_at, objective_at


def last_objective(
    network: Network, content: Source, styles: Sequence[Source], settings: StyleSettings, tile_side: int = 0
) -> Objective:
    """The objective at the last scale. tile_side: of tiles in pixels, 0 for whole images."""
    scale = scales_for(content.size[1], content.size[0], settings)[-1]
    pixels = content_at(content, scale, settings.seamless)
    targets = TargetExtractor(network, settings, TargetCache(0), tile_side)
    return objective_at(scale, content, pixels, style_regions_of(content, styles), targets)
