"""What each layer knows: the figures of Gatys, Ecker and Bethge (2015), for any photo and painting.

Figures 1 and 3 of the article are ordinary restyles with unusual settings. Whoever shows them asks the daemon for
`figures()`, one after another, with the photo no larger than SIDE.
"""

from __future__ import annotations

from dataclasses import dataclass

from pastiche.settings import StyleSettings

SIDE = 192  # pixels, longest side: thirty pictures in a few minutes on two cores, and each still shows its marks

# Where the article reconstructs content from, a layer a block. Its fifth is conv5_2; our network ends at conv5_1.
CONTENT_LAYERS = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_1")
# The style's layers, of which the article uses the first, the first two, … all five.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
BALANCES = (-5, -4, -3, -2)  # log10 of α/β, content's weight against style's: the columns of the article's figure 3


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
    """Figure 1, below: the photo from one layer's features alone."""
    return [
        Figure(f"content-{layer}", "Content", "content", layer,
               StyleSettings(reconstruct="content", content_layer=layer, start="noise"))
        for layer in CONTENT_LAYERS
    ]  # fmt: skip


def _style() -> list[Figure]:
    """Figure 1, above: the painting's marks from the Gram matrices of the first layers, without a content."""
    return [
        Figure(f"style-{layer}", "Style", "style", up_to(depth),
               StyleSettings(reconstruct="style", style_depth=depth, start="noise"))
        for depth, layer in enumerate(STYLE_LAYERS, start=1)
    ]  # fmt: skip


def _table() -> list[Figure]:
    """Figure 3: rows by how many layers the style counts at, columns by α/β."""
    return [
        Figure(f"table-{layer}-1e{power}", "Table", up_to(depth), f"1e{power}",
               StyleSettings(quality="paper", style_depth=depth, balance=power))
        for depth, layer in enumerate(STYLE_LAYERS, start=1)
        for power in BALANCES
    ]  # fmt: skip


def up_to(depth: int) -> str:
    """How a label says which layers count: "conv1_1", then "to conv2_1" and so on."""
    return STYLE_LAYERS[0] if depth == 1 else f"to {STYLE_LAYERS[depth - 1]}"
