"""From the painter's settings to the weights of the losses: strength → α, β and τ."""

from __future__ import annotations

from velatura.settings import StyleSettings
from velatura_daemon.engine.losses.objective import Weighting
from velatura_daemon.engine.network import STYLE_LAYERS

BETA = 1e6  # only ratios matter to the minimum; this keeps curvatures well above L-BFGS's own thresholds
SMOOTHNESS = 0.5  # τ/β

# α/β per place and channel at strength 0+ and at 100; its logarithm falls evenly between them. At FAITHFUL the picture
# is still the photograph; at FREE forms give way to the style (docs/quality.md has the sheets that this was set by).
FAITHFUL, FREE = 4.5, 2.25e-3

# Features here have a mean activation of 1 over photographs. Content losses grow with the square of the features' scale
# and style losses with its fourth power, so the article's α/β belongs to its network's own scale: about 100 times ours
# (the original VGG19 with inputs of 0..255 has mean activations of 12 to 227 at the style layers). At 1, a ratio of
# 1e-3 is the photograph in noise.
PAPER_SCALE = 100.0

# Draft and good stay with Gram matrices, which their few steps are enough for; best takes the closer measure
# (docs/quality.md).
STYLE_DISTANCE_OF = {"draft": "gram", "good": "gram", "best": "moments"}
# The setting that each style layer's weight comes from.
SETTING_OF = {"conv1_1": "fine", "conv2_1": "fine", "conv3_1": "middle", "conv4_1": "coarse", "conv5_1": "coarse"}


def weighting_for(settings: StyleSettings, channels: int, places: float) -> Weighting:
    """channels, places: N and M of the content layer.

    Differs from the paper, except in `paper`: the content's sum is divided by N·M, so that a strength means the
    same at each size; and the total variation of the pixels gets a small weight against checkerboards.
    """
    layers = {
        name: getattr(settings, SETTING_OF[name]) / 100 / settings.style_depth if depth < settings.style_depth else 0.0
        for depth, name in enumerate(STYLE_LAYERS)
    }  # w_l: 1/5 each by default
    content, style = settings.reconstruct != "style", settings.reconstruct != "content"
    if settings.quality == "paper":
        alpha = content * 10**settings.balance / PAPER_SCALE**2
        return Weighting(alpha * BETA, style * BETA, tau=0.0, layer_weights=layers)
    share = FAITHFUL * (FREE / FAITHFUL) ** (settings.strength / 100)
    alpha = content * share * BETA / (channels * places)
    return Weighting(alpha, style * BETA, SMOOTHNESS * BETA, layers)


def style_distance_for(settings: StyleSettings) -> str:
    """The distance to use, a name in `likeness.LIKENESSES`."""
    if settings.quality == "paper":
        return "paper"
    return STYLE_DISTANCE_OF[settings.quality] if settings.style_distance == "auto" else settings.style_distance
