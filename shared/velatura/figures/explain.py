"""Figures 1 and 3 of Gatys, Ecker and Bethge (2015) for any photo and painting: what each network layer represents.

All figures are ordinary restyles with unusual settings. Request the restyles of `figures()` from the daemon one after
another, with the photo scaled to at most SIDE.
"""

from __future__ import annotations

from dataclasses import dataclass

from velatura.i18n import lazy_text
from velatura.settings import StyleSettings

SIDE = 192  # pixels, longest side: thirty figures take a few minutes on two cores, and still show the brush strokes
STEPS = 150  # optimisation steps per figure

# The layers that the paper reconstructs content from, one per block.
CONTENT_LAYERS = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")
# The style layers. The paper uses the first, the first two, and so on up to all five.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
BALANCES = (-5, -4, -3, -2)  # the columns of the table: log10 of α/β, as in figure 3 of the paper

# Translators: a group of pictures: an image as the network sees it.
CONTENT = lazy_text("Content")
# Translators: a group of pictures: a style as the network sees it.
STYLE = lazy_text("Style")
# Translators: a group of pictures in rows and columns.
TABLE = lazy_text("Table")


@dataclass(frozen=True)
class Figure:
    """One picture of the sheet.

    name: unique, suitable for a file or a layer. group: CONTENT, STYLE or TABLE, shown translated. row, column: labels;
    figures of a group with equal labels are in the same row or column. They are written with Latin letters on a sheet,
    and stay as they are.
    """

    name: str
    group: str
    row: str
    column: str
    settings: StyleSettings


def figures() -> list[Figure]:
    """Return all thirty figures in the order of the sheet: five of content, five of style, then the table by rows."""
    return [*_content(), *_style(), *_table()]


def _content() -> list[Figure]:
    """Figure 1, bottom: the photo reconstructed from the features of one layer, starting from white noise."""
    return [
        Figure(
            f"content-{layer}",
            CONTENT,
            "content",
            layer,
            StyleSettings(quality="paper", reconstruct="content", content_layer=layer, iterations=STEPS),
        )
        for layer in CONTENT_LAYERS
    ]


def _style() -> list[Figure]:
    """Figure 1, top: the texture of the painting, from the Gram matrices of the first layers, without content."""
    return [
        Figure(
            f"style-{layer}",
            STYLE,
            "style",
            depth_label(depth),
            StyleSettings(quality="paper", reconstruct="style", style_depth=depth, iterations=STEPS),
        )
        for depth, layer in enumerate(STYLE_LAYERS, start=1)
    ]


def _table() -> list[Figure]:
    """Figure 3: one row per number of style layers, one column per α/β, the weight of content against style."""
    return [
        Figure(
            f"table-{layer}-balance{balance}",
            TABLE,
            depth_label(depth),
            f"content/style = 1e{balance}",
            StyleSettings(quality="paper", style_depth=depth, balance=balance, iterations=STEPS),
        )
        for depth, layer in enumerate(STYLE_LAYERS, start=1)
        for balance in BALANCES
    ]


def depth_label(depth: int) -> str:
    """Return the label for the first `depth` style layers: "conv1_1", then "to conv2_1" and so on."""
    return STYLE_LAYERS[0] if depth == 1 else f"to {STYLE_LAYERS[depth - 1]}"
