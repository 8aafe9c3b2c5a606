"""What each layer knows: the figures of Gatys, Ecker and Bethge (2015), for any photo and painting.

Figures 1 and 3 of the article are ordinary restyles with unusual settings. Whoever shows them asks the daemon for
`figures()`, one after another, with the photo no larger than SIDE.
"""

from __future__ import annotations

from dataclasses import dataclass

from velatura.settings import StyleSettings

SIDE = 192  # pixels, longest side: thirty pictures in a few minutes on two cores, and each still shows its marks
STEPS = 150  # per picture

# The layers that the article reconstructs content from, one per block.
CONTENT_LAYERS = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")
# The style's layers, of which the article uses the first, the first two, … all five.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
BALANCES = (-5, -4, -3, -2)  # the table's columns: log10 of α/β, as in the article's figure 3


@dataclass(frozen=True)
class Figure:
    """One picture of the sheet. name: unique, fit for a file or a layer. group: "Content", "Style" or "Table".
    row, column: their labels; equal labels of a group stand in one line."""

    name: str
    group: str
    row: str
    column: str
    settings: StyleSettings


def figures() -> list[Figure]:
    """All thirty in the order of the sheet: five of content, five of style, then the table, row by row."""
    return [*_content(), *_style(), *_table()]


def _content() -> list[Figure]:
    """Figure 1, below: the photo from the features of one layer alone, from white noise."""
    return [
        Figure(
            f"content-{layer}",
            "Content",
            "content",
            layer,
            StyleSettings(quality="paper", reconstruct="content", content_layer=layer, iterations=STEPS),
        )
        for layer in CONTENT_LAYERS
    ]


def _style() -> list[Figure]:
    """Figure 1, above: the painting's texture from the Gram matrices of the first layers, without a content."""
    return [
        Figure(
            f"style-{layer}",
            "Style",
            "style",
            up_to(depth),
            StyleSettings(quality="paper", reconstruct="style", style_depth=depth, iterations=STEPS),
        )
        for depth, layer in enumerate(STYLE_LAYERS, start=1)
    ]


def _table() -> list[Figure]:
    """Figure 3: rows by the number of style layers, columns by α/β, the weight of content against style."""
    return [
        Figure(
            f"table-{layer}-balance{balance}",
            "Table",
            up_to(depth),
            f"α/β = 1e{balance}",
            StyleSettings(quality="paper", style_depth=depth, balance=balance, iterations=STEPS),
        )
        for depth, layer in enumerate(STYLE_LAYERS, start=1)
        for balance in BALANCES
    ]


def up_to(depth: int) -> str:
    """How a label says which layers count: "conv1_1", then "to conv2_1" and so on."""
    return STYLE_LAYERS[0] if depth == 1 else f"to {STYLE_LAYERS[depth - 1]}"
