"""Which widget a window shows for a setting: a choice, a switch, a slider, or a number without a slider."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from velatura.settings import SettingSpec, StyleSettings, default_of, setting_specs

WIDE = 1000  # an integer setting with more values than this gets no slider
KEYBOARD_QUALITIES = ("draft", "good", "best")  # 'paper' ignores the strength, which would surprise
MAX_DICE = 9999  # the largest random value of a setting with a dice button


@dataclass(frozen=True)
class Scale:
    """Maps a slider position from 0 to 1 to the range of a setting, in steps or, for factors (0.25 to 4), in ratios."""

    low: float
    high: float

    @property
    def by_factor(self) -> bool:
        """Whether equal distances on the slider are equal ratios."""
        return self.low > 0

    @property
    def decimals(self) -> int:
        return 2 if self.by_factor else 0

    @property
    def step(self) -> float:
        return 0.25 if self.by_factor else 5

    def share_of(self, value: float) -> float:
        """Return the slider position of a value."""
        if self.by_factor:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value_at(self, share: float) -> float:
        """Return the value at a slider position."""
        if self.by_factor:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share


def slider_scale(name: str) -> Scale | None:
    """Return the scale of a setting's slider, or None if it has no slider."""
    spec = setting_specs()[name]
    if spec.choices or isinstance(default_of(name), bool) or _is_wide(spec, default_of(name)):
        return None
    return Scale(spec.low, spec.high)


def has_dice(name: str) -> bool:
    """Return whether a setting gets a dice button: any of its many values will do, since it does not count anything."""
    spec = setting_specs()[name]
    return not spec.choices and _is_wide(spec, default_of(name)) and not spec.unit


def _is_wide(spec: SettingSpec, default: object) -> bool:
    return isinstance(default, int) and spec.high - spec.low > WIDE


def stepped(settings: StyleSettings, name: str, steps: int) -> StyleSettings:
    """Return the settings with one of them moved by so many steps, as a keyboard command does.

    A number stays within its range; the quality goes round.
    """
    value = getattr(settings, name)
    if name == "quality":
        position = KEYBOARD_QUALITIES.index(value) if value in KEYBOARD_QUALITIES else -1
        return replace(settings, quality=KEYBOARD_QUALITIES[(position + steps) % len(KEYBOARD_QUALITIES)])
    scale = slider_scale(name)
    assert scale is not None, f"{name} is no number with a slider"  # not translated: a mistake in the code
    return replace(settings, **{name: min(max(value + steps * scale.step, scale.low), scale.high)})
