"""The weights of the losses: layers by their settings, content or style alone, the paper's balance."""

from __future__ import annotations

import pytest
import torch
from tests.support.objectives import last_objective

from velatura.errors import BadWeights, NothingToRestyle
from velatura.settings import StyleSettings
from velatura_daemon.engine.losses.weighting import BETA, PAPER_SCALE, SETTING_OF, weighting_for
from velatura_daemon.engine.network import STYLE_LAYERS, Network
from velatura_daemon.engine.stylise import stylise


def layers_of(**settings):
    return weighting_for(StyleSettings(**settings), 512, 100).layer_weights


@pytest.fixture
def objective(network, source):
    """objective(**settings): of a small content and style."""

    def make(**settings):
        chosen = StyleSettings(**settings)
        network.set_pooling(chosen.pooling)
        return last_objective(network, source(32, 48), [source(32, 32, 1)], chosen)

    return make


# --- layers -----------------------------------------------------------------------------------------------
def test_by_default_each_layer_weighs_a_fifth_as_in_the_paper():
    assert layers_of() == dict.fromkeys(STYLE_LAYERS, pytest.approx(0.2))
    assert layers_of(fine=100, middle=100, coarse=100) == layers_of()


@pytest.mark.parametrize("setting", ["fine", "middle", "coarse"])
def test_a_setting_scales_its_own_layers_and_no_others(setting):
    weights = layers_of(**{setting: 150})
    for name in STYLE_LAYERS:
        assert weights[name] == pytest.approx(0.3 if SETTING_OF[name] == setting else 0.2)


@pytest.mark.parametrize("setting", ["fine", "middle", "coarse"])
def test_at_0_its_layers_are_not_computed(objective, setting):
    made = objective(**{setting: 0})
    assert made.style_layers == [name for name in STYLE_LAYERS if SETTING_OF[name] != setting]


def test_without_coarse_forms_no_layer_below_the_content_layer_is_computed(objective):
    assert objective(coarse=0).layers == ["conv1_1", "conv2_1", "conv3_1", "conv4_2"]


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_style_depth_uses_so_many_layers_with_weights_that_add_up_to_1(depth):
    """As the rows of the paper's figure 3."""
    weights = layers_of(style_depth=depth)
    assert [weights[name] > 0 for name in STYLE_LAYERS] == [n < depth for n in range(5)]
    assert sum(weights.values()) == pytest.approx(1)


# --- content and style ------------------------------------------------------------------------------------
def test_content_is_compared_at_the_chosen_layer(objective, network):
    made = objective(content_layer="conv2_2")
    assert made.content.layer == "conv2_2"
    assert made.content.features.shape == (16, 16, 24)


def test_a_content_layer_that_the_weights_lack_is_refused_by_name(raw_weights, source):
    """A user's file may end at conv5_1."""
    short = Network({name: tensor for name, tensor in raw_weights.items() if name < "conv5_2"})
    with pytest.raises(BadWeights, match=r"end at conv5_1.*conv5_3"):
        next(stylise(source(32, 32), [source(32, 32, 1)], StyleSettings(content_layer="conv5_3"), short))


@pytest.mark.parametrize("layer", ["conv5_2", "conv5_4"])
def test_the_content_layer_may_be_deeper_than_the_style_layers(objective, layer):
    made = objective(content_layer=layer)
    assert made.content.features.shape == (64, 2, 3)
    assert made.layers[-1] == layer


@pytest.mark.parametrize("settings", [{}, {"quality": "paper"}], ids=str)
def test_a_reconstruction_has_one_of_the_two_losses(objective, settings):
    content, style = (objective(reconstruct=which, **settings) for which in ("content", "style"))
    assert content.content is not None
    assert content.styles == []
    assert style.content is None
    assert len(style.styles) == 1


@pytest.mark.parametrize("balance", [-4, -3, 0])
def test_in_paper_the_balance_is_the_papers_alpha_over_beta_at_its_feature_scale(balance):
    """With features s times as large, L_content grows by s², and L_style by s⁴."""
    made = weighting_for(StyleSettings(quality="paper", balance=balance), 512, 100)
    assert made.alpha / made.beta == pytest.approx(10**balance * PAPER_SCALE**2 / PAPER_SCALE**4)
    assert made.tau == 0


def test_in_other_qualities_the_balance_has_no_effect():
    one, other = (weighting_for(StyleSettings(balance=b), 512, 100) for b in (-5, 0))
    assert one == other


def test_more_strength_weighs_the_content_less_and_the_style_the_same():
    weak, strong = (weighting_for(StyleSettings(strength=s), 512, 100) for s in (20, 80))
    assert weak.alpha > strong.alpha
    assert weak.beta == strong.beta == BETA


# --- seen in results --------------------------------------------------------------------------------------
def test_leaving_layers_out_changes_the_result(restyled, source):
    content, style = source(32, 32), source(32, 32, 1)
    whole = restyled(content, [style], iterations=6)
    for setting in ("fine", "middle", "coarse"):
        assert not torch.allclose(restyled(content, [style], iterations=6, **{setting: 0}), whole, atol=0.01)


def test_content_alone_reconstructs_the_content_from_noise(network, source):
    """From conv1_1 nearly the image itself, as in the paper's figure 1."""
    content = source(32, 32)
    asked = StyleSettings(reconstruct="content", content_layer="conv1_1", start="noise", iterations=60)
    *_, last = stylise(content, [source(32, 32, 1)], asked, network)
    noise = next(stylise(content, [source(32, 32, 1)], asked, network)).image
    assert float((last.image - content.image).square().mean()) < 0.1 * float((noise - content.image).square().mean())


def test_style_alone_does_not_depend_on_the_content(restyled, source):
    one, other = (restyled(source(32, 32, n), [source(32, 32, 1)], reconstruct="style", start="noise") for n in (0, 2))
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    "settings",
    [
        {"fine": 0, "middle": 0, "coarse": 0, "reconstruct": "style"},
        {"fine": 0, "style_depth": 2, "reconstruct": "style"},
        {"fine": 0, "middle": 0, "coarse": 0, "reconstruct": "style", "quality": "paper"},
    ],
    ids=str,
)
def test_if_nothing_counts_there_is_nothing_to_restyle(restyled, source, settings):
    with pytest.raises(NothingToRestyle, match="coarse"):
        restyled(source(32, 32), [source(32, 32, 1)], **settings)


@pytest.mark.parametrize("quality", ["good", "paper"])
def test_without_style_layers_the_result_is_finite(restyled, source, quality):
    result = restyled(source(32, 32), [source(32, 32, 1)], fine=0, middle=0, coarse=0, quality=quality)
    assert torch.isfinite(result).all()
