"""The short form of the fuzzers: seeds, and some thousand inputs made from them with a fixed random seed."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.targets import NAMES, load

# Number of mutated inputs; each target takes a second or less.
INPUTS = {
    "header": 8000,
    "settings": 8000,
    "zmtp_client": 2000,
    "zmtp_server": 2000,
    "transfer": 5000,
    "pictures": 1200,
}


@pytest.mark.parametrize("name", NAMES)
def test_no_input_breaks_a_promise(name):
    target = load(name)
    source, seeds = random.Random(name), [*target.seeds()]
    pool = [*seeds]
    for data in seeds:
        target.run_one(data)
    for _ in range(INPUTS[name]):
        data = target.mutate(source.choice(seeds if source.random() < 0.5 else pool), source)
        try:
            target.run_one(data)
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__} on {data[:400]!r}") from error
        if source.random() < 0.05:
            pool.append(data)  # so that changes accumulate
