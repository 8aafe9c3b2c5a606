"""What counts: layers by their settings, content or style alone, the article's balance."""

from __future__ import annotations

import pytest
import torch

from velatura.errors import BadWeights, NothingToRestyle
from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.losses.weighting import BETA, PAPER_SCALE, SETTING_OF, weighting_for
from velatura_daemon.engine.network import STYLE_LAYERS, Network
from velatura_daemon.engine.pyramid import scales_for
from velatura_daemon.engine.style_regions import style_regions_of
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.engine.targets import canvas_at, objective_at


def layers_of(**settings):
    return weighting_for(StyleSettings(**settings), 512, 100).layer_weights


@pytest.fixture
def objective(network, source):
    """objective(**settings): for a small pair, at its only scale."""

    def make(**settings):
        asked, content = StyleSettings(**settings), source(32, 48)
        scale = scales_for(48, 32, asked)[-1]
        network.set_pooling(asked.pooling)
        return objective_at(
            network,
            content,
            style_regions_of(content, [source(32, 32, 1)]),
            canvas_at(content, scale),
            scale,
            asked,
            TargetCache(0),
        )

    return make


# --- layers -----------------------------------------------------------------------------------------------
def test_where_no_knob_is_turned_each_layer_has_the_articles_fifth():
    assert layers_of() == dict.fromkeys(STYLE_LAYERS, pytest.approx(0.2))
    assert layers_of(fine=100, middle=100, coarse=100) == layers_of()


@pytest.mark.parametrize("knob", ["fine", "middle", "coarse"])
def test_a_knob_scales_its_own_layers_and_no_others(knob):
    turned = layers_of(**{knob: 150})
    for name in STYLE_LAYERS:
        assert turned[name] == pytest.approx(0.3 if SETTING_OF[name] == knob else 0.2)


@pytest.mark.parametrize("knob", ["fine", "middle", "coarse"])
def test_at_0_its_layers_are_not_even_looked_at(objective, knob):
    made = objective(**{knob: 0})
    assert made.style_layers == [name for name in STYLE_LAYERS if SETTING_OF[name] != knob]


def test_without_coarse_forms_the_network_goes_no_deeper_than_the_content(objective):
    assert objective(coarse=0).layers == ["conv1_1", "conv2_1", "conv3_1", "conv4_2"]


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_style_depth_takes_so_many_layers_and_spreads_the_whole_over_them(depth):
    """As the rows of the article's figure 3."""
    weights = layers_of(style_depth=depth)
    assert [weights[name] > 0 for name in STYLE_LAYERS] == [n < depth for n in range(5)]
    assert sum(weights.values()) == pytest.approx(1)


# --- content and style ------------------------------------------------------------------------------------
def test_content_is_compared_at_the_layer_that_is_asked_for(objective, network):
    made = objective(content_layer="conv2_2")
    assert made.content.layer == "conv2_2"
    assert made.content.features.shape == (16, 16, 24)


def test_content_at_a_layer_that_the_weights_do_not_have_is_refused_by_name(raw_weights, source):
    """A user's file may end at conv5_1."""
    short = Network({name: tensor for name, tensor in raw_weights.items() if name < "conv5_2"})
    with pytest.raises(BadWeights, match=r"end at conv5_1.*conv5_3"):
        next(stylise(source(32, 32), [source(32, 32, 1)], StyleSettings(content_layer="conv5_3"), short))


@pytest.mark.parametrize("layer", ["conv5_2", "conv5_4"])
def test_content_at_a_layer_deeper_than_the_styles_has_its_features(objective, layer):
    made = objective(content_layer=layer)
    assert made.content.features.shape == (64, 2, 3)
    assert made.layers[-1] == layer


@pytest.mark.parametrize("settings", [{}, {"quality": "paper"}], ids=str)
def test_a_reconstruction_counts_one_of_the_two_alone(objective, settings):
    content, style = (objective(reconstruct=which, **settings) for which in ("content", "style"))
    assert content.content is not None
    assert content.styles == []
    assert style.content is None
    assert len(style.styles) == 1


@pytest.mark.parametrize("balance", [-4, -3, 0])
def test_in_paper_the_balance_is_the_articles_alpha_over_beta_at_the_articles_scale_of_features(balance):
    """With features s times as large, L_content grows by s², and L_style by s⁴."""
    made = weighting_for(StyleSettings(quality="paper", balance=balance), 512, 100)
    assert made.alpha / made.beta == pytest.approx(10**balance * PAPER_SCALE**2 / PAPER_SCALE**4)
    assert made.tau == 0


def test_elsewhere_the_balance_has_no_say():
    one, other = (weighting_for(StyleSettings(balance=b), 512, 100) for b in (-5, 0))
    assert one == other


def test_more_strength_weighs_the_content_less_and_the_style_the_same():
    weak, strong = (weighting_for(StyleSettings(strength=s), 512, 100) for s in (20, 80))
    assert weak.alpha > strong.alpha
    assert weak.beta == strong.beta == BETA


# --- seen in results --------------------------------------------------------------------------------------
def test_layers_that_are_left_out_change_the_picture(restyled, source):
    content, style = source(32, 32), source(32, 32, 1)
    whole = restyled(content, [style], iterations=6)
    for knob in ("fine", "middle", "coarse"):
        assert not torch.allclose(restyled(content, [style], iterations=6, **{knob: 0}), whole, atol=0.01)


def test_content_alone_gives_the_content_back_from_noise_as_its_layer_sees_it(network, source):
    """From conv1_1 nearly the picture itself; the article's figure 1 shows the same."""
    content = source(32, 32)
    asked = StyleSettings(reconstruct="content", content_layer="conv1_1", start="noise", iterations=60)
    *_, last = stylise(content, [source(32, 32, 1)], asked, network)
    noise = next(stylise(content, [source(32, 32, 1)], asked, network)).image
    assert float((last.image - content.image).square().mean()) < 0.1 * float((noise - content.image).square().mean())


def test_style_alone_does_not_know_the_content(restyled, source):
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
def test_where_nothing_counts_there_is_nothing_to_restyle(restyled, source, settings):
    with pytest.raises(NothingToRestyle, match="coarse"):
        restyled(source(32, 32), [source(32, 32, 1)], **settings)


@pytest.mark.parametrize("quality", ["good", "paper"])
def test_without_any_layer_the_content_is_left(restyled, source, quality):
    result = restyled(source(32, 32), [source(32, 32, 1)], fine=0, middle=0, coarse=0, quality=quality)
    assert torch.isfinite(result).all()
