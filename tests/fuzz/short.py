"""The short form of the fuzzers: seeds, and inputs made from them with a fixed random seed. Without coverage, so it
needs only Python."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz.targets import load

# Number of mutated inputs; each target takes a second or two, the session some seconds.
INPUTS = {
    "header": 8000,
    "settings": 8000,
    "zmtp_client": 2000,
    "zmtp_server": 2000,
    "transfer": 5000,
    "pictures": 1200,
    "session": 120,
    "remote": 800,
    "saved": 150,
    "documents": 2000,
}
NEW_SHARE, KEPT_SHARE = 0.5, 0.05  # of inputs that start from a seed; of those from which others are made


def inputs(name: str) -> Iterator[bytes]:
    """The same inputs each time."""
    target, source = load(name), random.Random(name)
    seeds = [*target.seeds()]
    pool = [*seeds]
    yield from seeds
    for _ in range(INPUTS[name]):
        data = target.mutate(source.choice(seeds if source.random() < NEW_SHARE else pool), source)
        yield data
        if source.random() < KEPT_SHARE:
            pool.append(data)  # so that changes accumulate


def inputs_until_found(name: str, sign: str = "") -> int | None:
    """How many inputs it takes until a promise is broken, or None if none of them breaks one. sign: only findings that
    say so count."""
    target = load(name)
    for number, data in enumerate(inputs(name), 1):
        try:
            target.run_one(data)
        except Exception as error:
            if sign in f"{type(error).__name__}: {error}":
                return number
    return None
