"""Settings out of a map that anybody may have written: a header's, a sheet's, a remembered file's."""

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

LONGEST = 8192

JSON_FIRST = b"{["  # an input that begins so is JSON: it has whole numbers of any size; else it is msgpack


def seeds() -> Iterator[bytes]:
    yield msgpack.packb(StyleSettings().to_wire())
    yield msgpack.packb(StyleSettings(quality="paper", iterations=20, seed=2**31 - 1, seamless=True).to_wire())
    for name, value in StyleSettings().to_wire().items():
        yield msgpack.packb({name: value})
        yield json.dumps({name: value}).encode()
    yield json.dumps({"strength": 10**400, "iterations": -(10**300), "seed": 1e308}).encode()
    yield msgpack.packb({"strenght": 3})


def mutate(data: bytes, source: random.Random) -> bytes:
    return bytewise(data, source, LONGEST) if data[:1] in (b"{", b"[") else treewise(data, source, LONGEST)


def run_one(data: bytes) -> None:
    """Settings, every one of them in its range and kind; or BadSetting, in a sentence of a sensible length."""
    values = _values(data)
    try:
        settings = StyleSettings.from_wire(values)
    except BadSetting as error:
        assert len(error.sentence) < 1000, f"a sentence of {len(error.sentence)} characters"
        return
    assert StyleSettings.from_wire(settings.to_wire()) == settings
    for name, knob in setting_specs().items():
        value = getattr(settings, name)
        assert type(value) is type(getattr(StyleSettings(), name))
        if knob.choices:
            assert value in dict(knob.choices)
        elif not isinstance(value, bool):
            assert math.isfinite(value)
            assert knob.low <= value <= knob.high


def _values(data: bytes) -> Any:
    try:
        if data[:1] in (b"{", b"["):
            return json.loads(data)
        return msgpack.unpackb(data, raw=False, strict_map_key=False)
    except Exception:
        return data
