"""The sRGB transfer function and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura_daemon.srgb import srgb_decoded, srgb_encoded


@pytest.mark.parametrize(("linear", "encoded"), [(0, 0), (0.001, 0.01292), (0.2140, 0.5), (1, 1)])
def test_values_are_those_of_iec_61966_2_1(linear, encoded):
    assert srgb_encoded(np.array(linear, np.float32)) == pytest.approx(encoded, abs=1e-4)
    assert srgb_decoded(np.array(encoded, np.float32)) == pytest.approx(linear, abs=1e-4)


@given(st.floats(0, 100))
def test_below_0_the_curves_are_mirrored(value):
    assert srgb_encoded(np.array(-value)) == -srgb_encoded(np.array(value))
    assert srgb_decoded(np.array(-value)) == -srgb_decoded(np.array(value))


@given(st.floats(-100, 100, width=32))
def test_decoding_undoes_encoding_also_outside_0_to_1(value):
    values = np.array([value], np.float32)
    np.testing.assert_allclose(srgb_decoded(srgb_encoded(values)), values, rtol=1e-5, atol=1e-6)


def test_above_1_the_curve_continues():
    assert srgb_encoded(np.array(4.0)) == pytest.approx(1.055 * 4 ** (1 / 2.4) - 0.055)


def test_float32_stays_float32():
    values = np.linspace(-1, 2, 7, dtype=np.float32)
    assert srgb_encoded(values).dtype == srgb_decoded(values).dtype == np.float32
