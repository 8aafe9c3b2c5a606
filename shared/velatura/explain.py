"""What each layer knows: the figures of Gatys, Ecker and Bethge (2015), for any photo and painting.

Figures 1 and 3 of the article are ordinary restyles with unusual settings. Whoever shows them asks the daemon for
`figures()`, one after another, with the photo no larger than SIDE.
"""

from __future__ import annotations

from dataclasses import dataclass

from velatura.settings import StyleSettings

SIDE = 192  # pixels, longest side: thirty pictures in a few minutes on two cores, and each still shows its marks

# Where the article reconstructs content from, a layer a block. Its fifth is conv5_2; our network ends at conv5_1.
CONTENT_LAYERS = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_1")
# The style's layers, of which the article uses the first, the first two, … all five.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
STRENGTHS = (90, 70, 50, 30)  # the table's columns; each has nearly seven times the α/β of the one before


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
    """Figure 1, below: the photo from one layer's features alone.

    Differs from the article: two scales, and a little total variation (strength 60 says how much of it). Without them, the
    built-in weights' deep layers, which leave colours open, are met by colours that no screen can show.
    """
    return [
        Figure(f"content-{layer}", "Content", "content", layer,
               StyleSettings(reconstruct="content", content_layer=layer, strength=60, start="noise", iterations=160))
        for layer in CONTENT_LAYERS
    ]  # fmt: skip


def _style() -> list[Figure]:
    """Figure 1, above: the painting's marks from the Gram matrices of the first layers, without a content. As in the
    article: a coarser scale would give conv1_1 forms that it knows nothing of."""
    return [
        Figure(f"style-{layer}", "Style", "style", up_to(depth),
               StyleSettings(quality="paper", reconstruct="style", style_depth=depth, iterations=100))
        for depth, layer in enumerate(STYLE_LAYERS, start=1)
    ]  # fmt: skip


def _table() -> list[Figure]:
    """Figure 3: rows by how many layers the style counts at, columns by how much content counts against style.

    Differs from the article: columns are strengths, which mean the same at each size, where α/β does not; and restyles are as
    painters get them: with palette and total variation, at two scales, the second one with some of the photo's own detail.
    """
    return [
        Figure(f"table-{layer}-strength-{strength}", "Table", up_to(depth), f"strength {strength}",
               StyleSettings(style_depth=depth, strength=strength, start="noise", iterations=80))
        for depth, layer in enumerate(STYLE_LAYERS, start=1)
        for strength in STRENGTHS
    ]  # fmt: skip


def up_to(depth: int) -> str:
    """How a label says which layers count: "conv1_1", then "to conv2_1" and so on."""
    return STYLE_LAYERS[0] if depth == 1 else f"to {STYLE_LAYERS[depth - 1]}"
