"""From what painters turn to what the objective weighs: strength → α, β and τ."""

from __future__ import annotations

from velatura.settings import StyleSettings
from velatura_daemon.engine.network import STYLE_LAYERS
from velatura_daemon.engine.objective import Weighting

BETA = 1e6  # only ratios matter to the minimum; this keeps curvatures well above L-BFGS's own thresholds
SMOOTHNESS = 1.0  # τ/β
PALETTE = 200.0  # γ/β, with weights that see colour poorly

# Content's share against style at strength 0+ and at 100, per place and channel; between them it falls evenly
# in its logarithm. Set by eye: at 50 things are still what they were, at 100 the style has the word.
FAITHFUL, FREE = 40.0, 3e-3


# Draft and good stay with Gram matrices, which their few steps were set for. For best, moments cost nothing and bring strokes to
# where Gram matrices leave fog. The Wasserstein distance looks a little better still, at the same strength nearer to the
# content; but its eigenvectors take twice the time at 320 px, and no CUDA graph has them. It is there to be asked for.
LIKENESS_OF = {"draft": "gram", "good": "gram", "best": "moments", "paper": "gram"}
# Which knob turns which layer.
KNOB_OF = {"conv1_1": "fine", "conv2_1": "fine", "conv3_1": "middle", "conv4_1": "coarse", "conv5_1": "coarse"}


def weighting_for(settings: StyleSettings, channels: int, places: float, sees_colour_poorly: bool = False) -> Weighting:
    """channels, places: N and M of the content layer. sees_colour_poorly: of the network's weights.

    Differs from the paper, but in `paper`: the content's sum is divided by N·M, so that a strength means the
    same at each size; and the pixels' total variation gets a small weight against checkerboards.
    """
    layers = {
        name: getattr(settings, KNOB_OF[name]) / 100 / settings.style_depth if depth < settings.style_depth else 0.0
        for depth, name in enumerate(STYLE_LAYERS)
    }  # w_l: 1/5 each where no knob is turned
    content, style = settings.reconstruct != "style", settings.reconstruct != "content"
    if settings.quality == "paper":
        return Weighting(content * 10**settings.balance * BETA, style * BETA, gamma=0.0, tau=0.0, layer_weights=layers)
    share = FAITHFUL * (FREE / FAITHFUL) ** (settings.strength / 100)
    gamma = style * PALETTE * BETA if sees_colour_poorly else 0.0
    alpha = content * share * BETA / (channels * places)
    return Weighting(alpha, style * BETA, gamma, SMOOTHNESS * BETA, layers)


def likeness_for(settings: StyleSettings) -> str:
    """Which of `likeness.LIKENESSES`."""
    return LIKENESS_OF[settings.quality] if settings.likeness == "auto" else settings.likeness
