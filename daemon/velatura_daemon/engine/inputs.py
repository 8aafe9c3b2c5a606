"""Prepares the input images before the first scale: hidden pixels, seamless edges, colours to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.colour import match_colours
from velatura_daemon.engine.geometry import periodic_component
from velatura_daemon.engine.masks import fill_hidden
from velatura_daemon.engine.source import Source
from velatura_daemon.memory_plan import Inputs


def prepare_inputs(content: Source, styles: Sequence[Source], settings: StyleSettings) -> tuple[Source, list[Source]]:
    """Prepares the content and the styles.

    The content's hidden pixels are filled in; for a seamless result its edges are joined; colours are matched by
    settings.keep_colours. Hidden pixels of styles are filled later, on the way into the cache
    (`targets.TargetExtractor`).

    Args:
        content: The picture to restyle.
        styles: As given.
        settings: The settings of the restyle.

    Returns:
        The content and the styles.
    """
    content = replace(content, image=fill_hidden(content.image, content.visible))
    if settings.seamless:
        content = replace(content, image=working_image(content.image, settings), key=("seamless", content.key))
    return match_colours(content, styles, settings.keep_colours)


def inputs_of(styles: Sequence[Source], guided: bool = False) -> Inputs:
    """Lists what is held in memory besides the content. Styles with the same key share pixels, and so do regions.

    Args:
        styles: Of the restyle.
        guided: Whether it is a frame of a film that follows others.

    Returns:
        The sizes, for `memory_plan.plan_memory`.
    """
    pixels = {style.key: style.pixels for style in styles}
    regions = len({style.region_key for style in styles if style.region is not None})
    return Inputs(tuple(pixels.values()), regions, guided)


def working_image(image: Tensor, settings: StyleSettings) -> Tensor:
    """Returns the content as the engine works on it; the result may keep its colours.

    Args:
        image: (3, H, W), the content.
        settings: The settings of the restyle.

    Returns:
        (3, H, W), its periodic component if settings.seamless, otherwise the image itself.
    """
    return periodic_component(image).clamp_(0, 1) if settings.seamless else image
