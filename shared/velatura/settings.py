"""All settings of a restyle: name, range, unit, label, help and default, each defined once.

The command line options, the plugins' windows and the daemon's checks are all generated from `StyleSettings`.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import Field, dataclass, field, fields
from typing import Any

from velatura.errors import BadSetting
from velatura.short_repr import short_repr

# The layers of the network that can serve as the content layer, in order.
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
    """How one setting is presented, and its allowed values.

    low, high: the range of a number, both included. choices: (value, description) pairs, or empty for a number or a
    switch.
    """

    label: str
    help: str
    low: float = 0
    high: float = 0
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def range_text(self) -> str:
        """The allowed values, for error messages and help pages."""
        if self.choices:
            return "one of " + ", ".join(value for value, _ in self.choices)
        low, high = (f"{end:.0f}" if end == int(end) else f"{end:g}" for end in (self.low, self.high))
        return f"{low} to {high}" + (f" {self.unit}" if self.unit else "")


def _setting(default: Any, label: str, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"spec": SettingSpec(label, help, **more)})


@dataclass(frozen=True)
class StyleSettings:
    """The settings of one restyle. Immutable and validated: an invalid value raises BadSetting."""

    strength: float = _setting(
        50.0, "Strength", "How strongly the style is applied; 0 leaves the image unchanged.", low=0, high=100, unit="%"
    )
    stroke_size: float = _setting(
        1.0,
        "Stroke size",
        "Size of the brush strokes; at 1 the style is used at the size of the image.",
        low=0.25,
        high=4,
        unit="×",
    )
    keep_colours: str = _setting(
        "off",
        "Keep colours",
        "Whether the result keeps the colours of the image.",
        choices=(
            ("off", "colours of the style"),
            ("luminance", "colours of the image, light and dark of the style"),
            ("palette", "style recoloured with the palette of the image"),
        ),
    )
    quality: str = _setting(
        "good",
        "Quality",
        "Trade-off between speed and quality.",
        choices=(
            ("draft", "fast preview"),
            ("good", "for finished work"),
            ("best", "most steps, closest match to the style"),
            ("paper", "method of the paper: one scale, starts from noise, ignores strength"),
        ),
    )
    start: str = _setting(
        "content",
        "Initial image",
        "What the restyle starts from.",
        choices=(
            ("content", "the image itself"),
            ("noise", "white noise; each seed gives a different result"),
            ("last", "last result of this layer, if it still fits"),
        ),
    )
    fine: float = _setting(100.0, "Fine detail", "Weight of the style's finest marks.", low=0, high=200, unit="%")
    middle: float = _setting(100.0, "Medium detail", "Weight of the style's brush strokes.", low=0, high=200, unit="%")
    coarse: float = _setting(100.0, "Coarse detail", "Weight of the style's large shapes.", low=0, high=200, unit="%")
    style_distance: str = _setting(
        "auto",
        "Style distance",
        "How the result is compared with the style.",
        choices=(
            ("auto", "set by quality"),
            ("gram", "which marks occur together, as in the paper"),
            ("moments", "also how strong marks are and how much they vary"),
            ("wasserstein", "whole distribution of marks, by its means and covariances"),
        ),
    )
    seamless: bool = _setting(
        False, "Seamless", "The result can be tiled: left and right edges match, and so do top and bottom."
    )
    seed: int = _setting(
        0, "Seed", "Each number gives a different variation if the initial image is noise.", low=0, high=2**31 - 1
    )
    iterations: int = _setting(
        0,
        "Iterations",
        "Total number of optimisation steps; 0 lets the quality decide.",
        low=0,
        high=20000,
        unit="steps",
    )
    optimiser: str = _setting(
        "lbfgs",
        "Optimiser",
        "Optimisation method. The paper uses gradient descent; L-BFGS differs from it.",
        choices=(("lbfgs", "fewest steps"), ("adam", "adaptive step sizes"), ("gradient", "plain gradient descent")),
    )
    pooling: str = _setting(
        "antialiased",
        "Pooling",
        "How the network halves the size of its feature maps.",
        choices=(
            ("antialiased", "even strokes"),
            ("average", "smoother, as in the paper"),
            ("max", "maximum, as the network was trained"),
        ),
    )
    reconstruct: str = _setting(
        "both",
        "Reconstruct",
        "What to reconstruct: the content in the style, or one of the two alone.",
        choices=(
            ("both", "content in the style"),
            ("content", "content alone, as the content layer sees it"),
            ("style", "style alone, as the style layers see it"),
        ),
    )
    content_layer: str = _setting(
        "conv4_2",
        "Content layer",
        "Network layer at which the content is compared.",
        choices=tuple((name, f"block {name[4]}, convolution {name[6]}") for name in NETWORK_LAYERS),
    )
    style_depth: int = _setting(
        5, "Style depth", "How many style layers are used, from conv1_1 on.", low=1, high=5, unit="layers"
    )
    balance: float = _setting(
        -3.0,
        "Balance",
        "The paper's ratio α/β of content to style, as a power of ten; only for quality 'paper'.",
        low=-8,
        high=2,
    )
    composite: bool = _setting(
        False,
        "Composite",
        "Blend the result into the whole image; otherwise only the box around the selection is returned, unblended.",
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, _validated(item, getattr(self, item.name)))
        if self.quality == "paper":
            # The paper's algorithm leaves only the seed, the number of steps and the optimiser open.
            object.__setattr__(self, "start", "noise")
            object.__setattr__(self, "pooling", "average")
            object.__setattr__(self, "style_distance", "gram")

    @property
    def strength_is_locked(self) -> bool:
        """Whether `strength` has no effect.

        With quality `paper`, `balance` sets α/β instead. Without content, style has nothing to be weighed against.
        Content alone still weighs against smoothness, so strength counts there.
        """
        return self.quality == "paper" or self.reconstruct == "style"

    def to_wire(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_wire(cls, values: Any) -> StyleSettings:
        """Read a map of names to values. Raises BadSetting, with the closest known name for an unknown one."""
        if not isinstance(values, dict):
            raise BadSetting("Settings must be a map of names to values.")
        known = setting_specs()
        for name in values:
            if name not in known:
                similar = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
                hint = f" Did you mean {similar[0]!r}?" if similar else f" The settings are: {', '.join(known)}."
                raise BadSetting(f"There is no setting {short_repr(name)}.{hint}")
        return cls(**values)


def _validated(item: Field[Any], value: Any) -> Any:
    """Return the value in the type of its setting. Raises BadSetting with the name and the allowed range."""
    spec: SettingSpec = item.metadata["spec"]
    kind: Any = type(item.default)
    if kind is bool or kind is str:
        wrong = not isinstance(value, kind)
    else:
        # Not math.isfinite, which fails for integers too large for a float; JSON can contain those.
        wrong = isinstance(value, bool) or not isinstance(value, (int, float)) or not -math.inf < value < math.inf
        wrong = wrong or (kind is int and value != int(value))
    if wrong:
        expected = {bool: "yes or no", str: "a word", int: "a whole number", float: "a number"}[kind]
        raise BadSetting(f"Setting {item.name!r} is {short_repr(value)}. It takes {expected}: {_range_of(item)}.")
    choices = [choice for choice, _ in spec.choices]
    in_range = value in choices if choices else kind is bool or spec.low <= value <= spec.high
    if not in_range:
        raise BadSetting(f"Setting {item.name!r} is {short_repr(value)}. It takes {_range_of(item)}.")
    return kind(value)


def _range_of(item: Field[Any]) -> str:
    return "yes or no" if isinstance(item.default, bool) else item.metadata["spec"].range_text


def setting_specs() -> dict[str, SettingSpec]:
    """Return all settings by name, in the order in which they are declared."""
    return {item.name: item.metadata["spec"] for item in fields(StyleSettings)}


def default_of(name: str) -> Any:
    """Return the default of a setting."""
    return StyleSettings.__dataclass_fields__[name].default
