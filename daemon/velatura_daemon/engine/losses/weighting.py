"""From the settings to the weights of the losses: strength becomes α, β and τ."""

from __future__ import annotations

from velatura.settings import StyleSettings
from velatura_daemon.engine.losses.objective import Weighting
from velatura_daemon.engine.network import STYLE_LAYERS

BETA = 1e6  # only ratios matter to the minimum; this keeps curvatures well above L-BFGS's own thresholds
TAU_OVER_BETA = 0.5  # docs/quality.md, 'What won, and what lost', compares fractions and multiples by eye

# α/β per position and channel at strength 0 and at 100; its logarithm falls linearly between them. At the first the
# result is still the photograph, at the second forms give way to the style. Set by the sheets in docs/quality.md.
ALPHA_AT_STRENGTH_0, ALPHA_AT_STRENGTH_100 = 4.5, 2.25e-3

# Features here have a mean activation of 1 over photographs (models/calibration.py). Content losses grow with the
# square of the features' scale and style losses with its fourth power, so the paper's α/β is tied to the scale of its
# network: about 100 times ours (the original VGG19 with inputs of 0..255 has mean activations of 12 to 227 at the style
# layers). At our scale, a ratio of 1e-3 gives the photograph in noise.
PAPER_SCALE = 100.0

# `draft` and `good` use Gram matrices, which suffice for their few steps; `best` uses the closer distance
# (docs/quality.md).
STYLE_DISTANCE_OF = {"draft": "gram", "good": "gram", "best": "moments"}
# The setting that scales each style layer's weight.
SETTING_OF = {"conv1_1": "fine", "conv2_1": "fine", "conv3_1": "middle", "conv4_1": "coarse", "conv5_1": "coarse"}


def weighting_for(settings: StyleSettings, channels: int, positions: float) -> Weighting:
    """Returns the weights of the losses for these settings.

    Differs from the paper, except for quality 'paper': the content loss is divided by N·M, so that a strength means the
    same at each size; and the total variation has a small weight, against checkerboards.

    Args:
        settings: The settings of the restyle.
        channels: N, the number of channels of the content layer.
        positions: M, the number of positions of the content layer.

    Returns:
        The weights. The logarithm of α/β falls linearly as the strength grows.
    """
    layers = layer_weights(settings)
    content, style = settings.reconstruct != "style", settings.reconstruct != "content"
    if settings.quality == "paper":
        alpha = content * 10**settings.balance / PAPER_SCALE**2
        return Weighting(alpha * BETA, style * BETA, tau=0.0, layer_weights=layers)
    ratio = ALPHA_AT_STRENGTH_0 * (ALPHA_AT_STRENGTH_100 / ALPHA_AT_STRENGTH_0) ** (settings.strength / 100)
    alpha = content * ratio * BETA / (channels * positions)
    return Weighting(alpha, style * BETA, TAU_OVER_BETA * BETA, layers)


def layer_weights(settings: StyleSettings) -> dict[str, float]:
    """w_l by style layer: 1/5 each by default, as in the paper; 1/n with a style depth of n (Gatys 2015, figure 3)."""
    weights = dict.fromkeys(STYLE_LAYERS, 0.0)
    for name in STYLE_LAYERS[: settings.style_depth]:
        weights[name] = getattr(settings, SETTING_OF[name]) / 100 / settings.style_depth
    return weights


def style_distance_for(settings: StyleSettings) -> str:
    """Returns the style distance for these settings: a name in `style_distance.STYLE_DISTANCES`."""
    if settings.quality == "paper":
        return "paper"
    return STYLE_DISTANCE_OF[settings.quality] if settings.style_distance == "auto" else settings.style_distance
