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


def prepare_inputs(content: Source, styles: Sequence[Source], settings: StyleSettings) -> tuple[Source, list[Source]]:
    """The content and the styles as the engine works on them: the content's hidden pixels filled in and, for a seamless
    result, its edges joined; colours matched by settings.keep_colours.

    Hidden pixels of styles are filled later, on the way into the cache (`targets.TargetExtractor`).
    """
    content = replace(content, image=fill_hidden(content.image, content.visible))
    if settings.seamless:
        content = replace(content, image=working_image(content.image, settings), key=("seamless", content.key))
    return match_colours(content, styles, settings.keep_colours)


def working_image(image: Tensor, settings: StyleSettings) -> Tensor:
    """The content (3, H, W) as the engine works on it, which is also the image whose colours the result keeps: its
    periodic component if settings.seamless, otherwise the image itself."""
    return periodic_component(image).clamp_(0, 1) if settings.seamless else image
