"""From what painters turn to what the objective weighs: strength → α, β and τ."""

from __future__ import annotations

from pastiche.settings import StyleSettings
from pastiche_daemon.engine.network import STYLE_LAYERS
from pastiche_daemon.engine.objective import Weighting

PAPER_RATIO = 1e-3  # α/β of the article's figures
BETA = 1e6  # only ratios matter to the minimum; this keeps curvatures well above L-BFGS's own thresholds
SMOOTHNESS = 1.0  # τ/β
PALETTE = 200.0  # γ/β, with weights that see colour poorly

# Content's share against style at strength 0+ and at 100, per place and channel; between them it falls evenly
# in its logarithm. Set by eye: at 50 things are still what they were, at 100 the style has the word.
FAITHFUL, FREE = 40.0, 3e-3


def weighting_for(settings: StyleSettings, channels: int, places: float, sees_colour_poorly: bool = False) -> Weighting:
    """channels, places: N and M of the content layer. sees_colour_poorly: of the network's weights.

    Differs from the paper, but in `paper`: the content's sum is divided by N·M, so that a strength means the
    same at each size; and the pixels' total variation gets a small weight against checkerboards.
    """
    equal = {name: 1 / len(STYLE_LAYERS) for name in STYLE_LAYERS}  # w_l = 1/5
    if settings.strength_is_locked:
        return Weighting(alpha=PAPER_RATIO * BETA, beta=BETA, gamma=0.0, tau=0.0, layer_weights=equal)
    share = FAITHFUL * (FREE / FAITHFUL) ** (settings.strength / 100)
    gamma = PALETTE * BETA if sees_colour_poorly else 0.0
    return Weighting(share * BETA / (channels * places), BETA, gamma, SMOOTHNESS * BETA, equal)
