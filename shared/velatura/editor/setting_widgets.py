"""How a window shows a knob: as one of a few words, as a slider with its number, or as a wide number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from velatura.settings import SettingSpec, default_of, setting_specs

WIDE = 1000  # a whole number with more values than that gets no slider
MOST_DICE = 9999  # what the dice of a wide number without a unit may throw


@dataclass(frozen=True)
class Scale:
    """A slider from 0 to 1 over a knob's range. Where the range spans factors and not steps (0.25 to 4), so does the
    slider."""

    low: float
    high: float

    @property
    def by_factor(self) -> bool:
        return self.low > 0

    @property
    def decimals(self) -> int:
        return 2 if self.by_factor else 0

    @property
    def step(self) -> float:
        return 0.25 if self.by_factor else 5

    def share_of(self, value: float) -> float:
        """Where on the slider a value lies."""
        if self.by_factor:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value_at(self, share: float) -> float:
        if self.by_factor:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share


def slider_scale(name: str) -> Scale | None:
    """A knob's slider, or None where it gets none."""
    knob = setting_specs()[name]
    if knob.choices or isinstance(default_of(name), bool) or _is_wide(knob, default_of(name)):
        return None
    return Scale(knob.low, knob.high)


def has_dice(name: str) -> bool:
    """Whether any value will do: a wide number that counts nothing."""
    knob = setting_specs()[name]
    return not knob.choices and _is_wide(knob, default_of(name)) and not knob.unit


def _is_wide(knob: SettingSpec, default: object) -> bool:
    return isinstance(default, int) and knob.high - knob.low > WIDE
