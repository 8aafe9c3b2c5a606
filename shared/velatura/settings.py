"""Every knob a painter can turn: name, range, unit, words and default, written once.

The command line, the plugins' windows and the daemon's checks are all made from `StyleSettings`.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import Field, dataclass, field, fields
from typing import Any

from velatura.errors import BadSetting
from velatura.short_repr import short_repr

# The network's layers that content may be compared at, in order.
NETWORK_LAYERS = (
    "conv1_1",
    "conv1_2",
    "conv2_1",
    "conv2_2",
    "conv3_1",
    "conv3_2",
    "conv3_3",
    "conv3_4",
    "conv4_1",
    "conv4_2",
    "conv4_3",
    "conv4_4",
    "conv5_1",
    "conv5_2",
    "conv5_3",
    "conv5_4",
)


@dataclass(frozen=True)
class SettingSpec:
    """What a window or a help page shows of one setting. choices: (value, words) pairs, or empty for a number."""

    label: str
    help: str
    low: float = 0
    high: float = 0
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def range_words(self) -> str:
        if self.choices:
            return "one of " + ", ".join(value for value, _ in self.choices)
        low, high = (f"{end:.0f}" if end == int(end) else f"{end:g}" for end in (self.low, self.high))
        return f"{low} to {high}" + (f" {self.unit}" if self.unit else "")


def _knob(default: Any, label: str, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"knob": SettingSpec(label, help, **more)})


@dataclass(frozen=True)
class StyleSettings:
    """What makes a restyle this one. Frozen and checked: a value out of range raises BadSetting."""

    strength: float = _knob(
        50.0,
        "Strength",
        "How much style against how much content; 0 gives the picture back.",
        low=0,
        high=100,
        unit="%",
    )
    stroke_size: float = _knob(
        1.0,
        "Stroke size",
        "Size of the style's marks: 1 is the style at the picture's own size.",
        low=0.25,
        high=4,
        unit="×",
    )
    keep_colours: str = _knob(
        "off",
        "Keep colours",
        "Keep the picture's own colours.",
        choices=(
            ("off", "the style's colours"),
            ("luminance", "the picture's colours, the style's light and dark"),
            ("palette", "the style repainted in the picture's palette"),
        ),
    )
    quality: str = _knob(
        "good",
        "Quality",
        "How long to work on it.",
        choices=(
            ("draft", "a quick look"),
            ("good", "for keeping"),
            ("best", "the most steps, and the closest likeness"),
            ("paper", "the algorithm of the article: one scale, from noise; locks strength"),
        ),
    )
    start: str = _knob(
        "content",
        "Start from",
        "What the first brush stroke goes over.",
        choices=(
            ("content", "the picture"),
            ("noise", "white noise: another seed, another picture"),
            ("last", "the last result of this layer, where it still fits"),
        ),
    )
    fine: float = _knob(
        100.0, "Fine marks", "How much the style's finest marks count (conv1_1, conv2_1).", low=0, high=200, unit="%"
    )
    middle: float = _knob(
        100.0, "Middle marks", "How much its brush strokes count (conv3_1).", low=0, high=200, unit="%"
    )
    coarse: float = _knob(
        100.0, "Coarse forms", "How much its large forms count (conv4_1, conv5_1).", low=0, high=200, unit="%"
    )
    style_distance: str = _knob(
        "auto",
        "Likeness",
        "What of the style's marks the picture is to share.",
        choices=(
            ("auto", "what suits the quality"),
            ("gram", "how often marks come together, as in the article"),
            ("moments", "that, and how strong marks are and how much they vary"),
            ("wasserstein", "the whole distribution, as far as means and covariances tell it"),
        ),
    )
    seamless: bool = _knob(
        False, "Seamless", "The result tiles: its left edge goes on at its right, its top at its bottom."
    )
    seed: int = _knob(0, "Seed", "Another number, another variation (with noise).", low=0, high=2**31 - 1)
    iterations: int = _knob(
        0, "Iterations", "Optimisation steps in all; 0 leaves it to the quality.", low=0, high=20000, unit="steps"
    )
    optimiser: str = _knob(
        "lbfgs",
        "Optimiser",
        "How the picture is moved. The article says gradient descent; L-BFGS is the deviation.",
        choices=(("lbfgs", "L-BFGS: fewest steps"), ("adam", "Adam"), ("gradient", "plain gradient descent")),
    )
    pooling: str = _knob(
        "antialiased",
        "Pooling",
        "How the network halves its feature maps.",
        choices=(
            ("antialiased", "antialiased: even strokes"),
            ("average", "average: the article's choice"),
            ("max", "maximum: as the network was trained"),
        ),
    )
    reconstruct: str = _knob(
        "both",
        "Reconstruct",
        "What the network is asked for: a picture in a style, or one of the two alone.",
        choices=(
            ("both", "the content in the style"),
            ("content", "the content alone, as the content layer sees it"),
            ("style", "the style alone, as its layers see it"),
        ),
    )
    content_layer: str = _knob(
        "conv4_2",
        "Content layer",
        "Where the content is compared.",
        choices=tuple((name, f"block {name[4]}, convolution {name[6]}") for name in NETWORK_LAYERS),
    )
    style_depth: int = _knob(
        5, "Style depth", "How many of the style's layers count, from conv1_1 down.", low=1, high=5, unit="layers"
    )
    balance: float = _knob(
        -3.0, "Balance", "α/β of the article, as a power of ten; for quality 'paper'.", low=-8, high=2
    )
    composite: bool = _knob(
        False,
        "Composite",
        "Blend the result into the whole picture; without it the selection's box comes back, unblended.",
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, _checked(item, getattr(self, item.name)))
        if self.quality == "paper":
            # The article's algorithm: nothing of it is a matter of taste but the seed, the steps and the optimiser.
            object.__setattr__(self, "start", "noise")
            object.__setattr__(self, "pooling", "average")
            object.__setattr__(self, "style_distance", "gram")

    @property
    def strength_is_locked(self) -> bool:
        """`paper` has α/β by `balance`, and style alone has nothing to stand against; content alone has smoothness."""
        return self.quality == "paper" or self.reconstruct == "style"

    def to_wire(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_wire(cls, values: Any) -> StyleSettings:
        """From a map of names to values. Names the unknown setting, and the nearest known one."""
        if not isinstance(values, dict):
            raise BadSetting("Settings are a map of names to values.")
        known = setting_specs()
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
                hint = f" Did you mean {near[0]!r}?" if near else f" Known are: {', '.join(known)}."
                raise BadSetting(f"There is no setting {short_repr(name)}.{hint}")
        return cls(**values)


def _checked(item: Field[Any], value: Any) -> Any:
    """The value in its setting's own type, or BadSetting with the name and the range."""
    knob: SettingSpec = item.metadata["knob"]
    kind: Any = type(item.default)
    if kind is bool or kind is str:
        wrong = not isinstance(value, kind)
    else:
        # Without isfinite, which fails on whole numbers that no float holds; JSON has them.
        wrong = isinstance(value, bool) or not isinstance(value, (int, float)) or not -math.inf < value < math.inf
        wrong = wrong or (kind is int and value != int(value))
    if wrong:
        words = {bool: "yes or no", str: "a word", int: "a whole number", float: "a number"}[kind]
        raise BadSetting(f"Setting {item.name!r} is {short_repr(value)}; it takes {words}: {_range_of(item)}.")
    inside = value in [v for v, _ in knob.choices] if knob.choices else kind is bool or knob.low <= value <= knob.high
    if not inside:
        raise BadSetting(f"Setting {item.name!r} is {short_repr(value)}; it takes {_range_of(item)}.")
    return kind(value)


def _range_of(item: Field[Any]) -> str:
    return "yes or no" if isinstance(item.default, bool) else item.metadata["knob"].range_words


def setting_specs() -> dict[str, SettingSpec]:
    """Every knob by name, in the order a window shows them."""
    return {item.name: item.metadata["knob"] for item in fields(StyleSettings)}


def default_of(name: str) -> Any:
    """A knob's default."""
    return StyleSettings.__dataclass_fields__[name].default
