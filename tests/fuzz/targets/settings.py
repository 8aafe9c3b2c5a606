"""Settings from a map that anybody may have written: a header's, a result's, a saved file's."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from typing import Any

import msgpack

from tests.fuzz.mutate import bytewise, treewise
from velatura.errors import BadSetting
from velatura.settings import StyleSettings, setting_specs

MAX_BYTES = 8192

JSON_FIRST = b"{["  # an input that starts with one of these is JSON, which has integers of any size; others are msgpack


def seeds() -> Iterator[bytes]:
    yield msgpack.packb(StyleSettings().to_wire())
    yield msgpack.packb(StyleSettings(quality="paper", iterations=20, seed=2**31 - 1, seamless=True).to_wire())
    for name, value in StyleSettings().to_wire().items():
        yield msgpack.packb({name: value})
        yield json.dumps({name: value}).encode()
    yield json.dumps({"strength": 10**400, "iterations": -(10**300), "seed": 1e308}).encode()
    yield msgpack.packb({"strenght": 3})  # codespell:ignore


def mutate(data: bytes, source: random.Random) -> bytes:
    return bytewise(data, source, MAX_BYTES) if data[:1] in (b"{", b"[") else treewise(data, source, MAX_BYTES)


def run_one(data: bytes) -> None:
    """Settings that are all in their ranges, or BadSetting with a message of reasonable length."""
    values = _values(data)
    try:
        settings = StyleSettings.from_wire(values)
    except BadSetting as error:
        assert len(error.sentence) < 1000, f"a sentence of {len(error.sentence)} characters"
        return
    assert StyleSettings.from_wire(settings.to_wire()) == settings
    for name, spec in setting_specs().items():
        value = getattr(settings, name)
        assert type(value) is type(getattr(StyleSettings(), name))
        if spec.choices:
            assert value in dict(spec.choices)
        elif not isinstance(value, bool):
            assert math.isfinite(value)
            assert spec.low <= value <= spec.high


def _values(data: bytes) -> Any:
    try:
        if data[:1] in (b"{", b"["):
            return json.loads(data)
        return msgpack.unpackb(data, raw=False, strict_map_key=False)
    except Exception:
        return data
