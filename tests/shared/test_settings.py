"""Settings: validated, named in errors, and unchanged by the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import BadSetting
from velatura.settings import StyleSettings, default_of, setting_specs


@st.composite
def settings(draw):
    values = {}
    for name, spec in setting_specs().items():
        default = default_of(name)
        if spec.choices:
            values[name] = draw(st.sampled_from([value for value, _ in spec.choices]))
        elif isinstance(default, bool):
            values[name] = draw(st.booleans())
        elif isinstance(default, int):
            values[name] = draw(st.integers(int(spec.low), int(spec.high)))
        else:
            values[name] = draw(st.floats(spec.low, spec.high))
    return StyleSettings(**values)


@given(settings())
def test_settings_survive_the_wire(chosen):
    assert StyleSettings.from_wire(chosen.to_wire()) == chosen


@given(st.sampled_from([name for name in setting_specs() if not isinstance(default_of(name), (bool, str))]), st.data())
def test_a_value_out_of_range_names_the_setting_and_its_range(name, data):
    spec = setting_specs()[name]
    value = data.draw(st.one_of(st.integers(max_value=int(spec.low) - 1), st.integers(min_value=int(spec.high) + 1)))
    with pytest.raises(BadSetting, match=f"{name}.*{spec.low:g} to"):
        StyleSettings(**{name: value})


@given(
    st.sampled_from(list(setting_specs())),
    st.one_of(st.none(), st.lists(st.none()), st.just(float("nan")), st.just("?")),
)
def test_a_value_of_the_wrong_type_names_the_setting(name, value):
    with pytest.raises(BadSetting, match=name):
        StyleSettings.from_wire({name: value})


def test_an_unknown_setting_is_named_with_the_closest_known_one():
    with pytest.raises(BadSetting, match=r"strenght.*strength"):  # codespell:ignore
        StyleSettings.from_wire({"strenght": 50})  # codespell:ignore


def test_every_setting_has_a_label_and_help():
    for spec in setting_specs().values():
        assert spec.label
        assert spec.help.endswith(".")


def test_paper_starts_from_noise_with_average_pooling_and_locks_strength():
    paper = StyleSettings(quality="paper", start="content", pooling="max")
    assert (paper.start, paper.pooling, paper.strength_is_locked) == ("noise", "average", True)


def test_strength_is_locked_only_if_style_is_reconstructed_alone():
    assert [StyleSettings(reconstruct=what).strength_is_locked for what in ("both", "content", "style")] == [
        False,
        False,
        True,
    ]


def test_the_docstring_describes_every_setting_as_the_help_pages_do():
    described = StyleSettings.__doc__ or ""
    for name, spec in setting_specs().items():
        assert f"    {name}: {spec.help}" in described
