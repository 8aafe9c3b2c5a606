"""The short form of the fuzzers finds nothing in the product, and finds faults that the product had."""

from __future__ import annotations

import pytest

from tests.fuzz.known_bugs import KNOWN_BUGS
from tests.fuzz.short import inputs, inputs_until_found
from tests.fuzz.targets import NAMES, load


@pytest.mark.parametrize("name", NAMES)
def test_no_input_breaks_a_promise(name):
    target = load(name)
    for data in inputs(name):
        try:
            target.run_one(data)
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {error} on {data[:400]!r}") from error


@pytest.mark.parametrize("bug", KNOWN_BUGS, ids=lambda bug: bug.name)
def test_a_fault_that_the_product_had_is_found(bug):
    with bug.bring_back():
        assert inputs_until_found(bug.target, bug.sign) is not None
