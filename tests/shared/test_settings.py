"""Every knob: checked, named in its errors, the same after a journey."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import BadSetting
from velatura.settings import StyleSettings, default_of, setting_specs


@st.composite
def settings(draw):
    values = {}
    for name, knob in setting_specs().items():
        default = default_of(name)
        if knob.choices:
            values[name] = draw(st.sampled_from([value for value, _ in knob.choices]))
        elif isinstance(default, bool):
            values[name] = draw(st.booleans())
        elif isinstance(default, int):
            values[name] = draw(st.integers(int(knob.low), int(knob.high)))
        else:
            values[name] = draw(st.floats(knob.low, knob.high))
    return StyleSettings(**values)


@given(settings())
def test_settings_survive_the_wire(chosen):
    assert StyleSettings.from_wire(chosen.to_wire()) == chosen


@given(st.sampled_from([name for name in setting_specs() if not isinstance(default_of(name), (bool, str))]), st.data())
def test_out_of_range_names_the_setting_and_its_range(name, data):
    knob = setting_specs()[name]
    value = data.draw(st.one_of(st.integers(max_value=int(knob.low) - 1), st.integers(min_value=int(knob.high) + 1)))
    with pytest.raises(BadSetting, match=f"{name}.*{knob.low:g} to"):
        StyleSettings(**{name: value})


@given(
    st.sampled_from(list(setting_specs())),
    st.one_of(st.none(), st.lists(st.none()), st.just(float("nan")), st.just("?")),
)
def test_a_value_of_the_wrong_kind_names_the_setting(name, value):
    with pytest.raises(BadSetting, match=name):
        StyleSettings.from_wire({name: value})


def test_an_unknown_setting_is_named_with_its_nearest():
    with pytest.raises(BadSetting, match=r"strenght.*strength"):
        StyleSettings.from_wire({"strenght": 50})


def test_every_knob_has_words_for_a_window():
    for knob in setting_specs().values():
        assert knob.label
        assert knob.help.endswith(".")


def test_paper_starts_from_noise_with_average_pooling_and_locks_strength():
    paper = StyleSettings(quality="paper", start="content", pooling="max")
    assert (paper.start, paper.pooling, paper.strength_is_locked) == ("noise", "average", True)


def test_strength_has_a_say_wherever_content_is_asked_for():
    assert [StyleSettings(reconstruct=what).strength_is_locked for what in ("both", "content", "style")] == [
        False,
        False,
        True,
    ]
