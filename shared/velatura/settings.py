"""All settings of a restyle: name, range, unit, label, help and default, each defined once.

The command line options, the plugins' windows and the daemon's checks are all generated from `StyleSettings`.
"""

from __future__ import annotations

import difflib
import inspect
import math
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from velatura.errors import BadSetting
from velatura.i18n import lazy_list, lazy_text, sentences, translated
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
    """How one setting is presented, and its allowed values. Windows and help pages show it `translated`.

    Attributes:
        label: Its name, for people.
        help: A sentence about what it does.
        low: The smallest number, included.
        high: The largest number, included.
        unit: The unit of a number, such as '%'.
        choices: (value, description) pairs; empty for a number or a switch.
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
            return lazy_text("one of {choices}", choices=lazy_list([value for value, _ in self.choices]))
        if self.low == int(self.low) and self.high == int(self.high):
            with_unit, alone = lazy_text("{low:.0f} to {high:.0f} {unit}"), lazy_text("{low:.0f} to {high:.0f}")
        else:
            with_unit, alone = lazy_text("{low:g} to {high:g} {unit}"), lazy_text("{low:g} to {high:g}")
        if self.unit:
            return with_unit.format(low=self.low, high=self.high, unit=self.unit)
        return alone.format(low=self.low, high=self.high)

    @property
    def range_sentence(self) -> str:
        """The allowed values as a sentence of their own, after the help."""
        if self.choices:
            return lazy_text("One of {choices}.", choices=lazy_list([value for value, _ in self.choices]))
        return lazy_text("{range}.", range=self.range_text)

    def translated(self) -> SettingSpec:
        """The same with its label, help, unit and descriptions in the user's language."""
        return replace(
            self,
            label=translated(self.label),
            help=translated(self.help),
            unit=translated(self.unit),
            choices=tuple((value, translated(meaning)) for value, meaning in self.choices),
        )


def _setting(default: Any, label: str, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"spec": SettingSpec(label, help, **more)})


@dataclass(frozen=True)
class StyleSettings:
    """The settings of one restyle, validated. Use `dataclasses.replace` to change some of them.

    Raises:
        BadSetting: A value is outside of the range, or of the wrong type.
    """

    strength: float = _setting(
        50.0,
        lazy_text("Strength"),
        lazy_text("How strongly the style is applied; 0 leaves the image unchanged."),
        low=0,
        high=100,
        unit="%",
    )
    stroke_size: float = _setting(
        1.0,
        lazy_text("Stroke size"),
        lazy_text("Size of the brush strokes; at 1 the style is used at the size of the image."),
        low=0.25,
        high=4,
        unit="×",
    )
    keep_colours: str = _setting(
        "off",
        lazy_text("Keep colours"),
        lazy_text("Whether the result keeps the colours of the image."),
        choices=(
            ("off", lazy_text("colours of the style")),
            ("luminance", lazy_text("colours of the image, light and dark of the style")),
            ("palette", lazy_text("style recoloured with the palette of the image")),
        ),
    )
    quality: str = _setting(
        "good",
        lazy_text("Quality"),
        lazy_text("Trade-off between speed and quality."),
        choices=(
            ("draft", lazy_text("fast preview")),
            ("good", lazy_text("for finished work")),
            ("best", lazy_text("most steps, closest match to the style")),
            ("paper", lazy_text("method of the paper: one scale, starts from noise, ignores strength")),
        ),
    )
    start: str = _setting(
        "content",
        lazy_text("Initial image"),
        lazy_text("What the restyle starts from."),
        choices=(
            ("content", lazy_text("the image itself")),
            ("noise", lazy_text("white noise; each seed gives a different result")),
            ("last", lazy_text("last result, if it still fits")),
        ),
    )
    fine: float = _setting(
        100.0, lazy_text("Fine detail"), lazy_text("Weight of the style's finest marks."), low=0, high=200, unit="%"
    )
    middle: float = _setting(
        100.0, lazy_text("Medium detail"), lazy_text("Weight of the style's brush strokes."), low=0, high=200, unit="%"
    )
    coarse: float = _setting(
        100.0, lazy_text("Coarse detail"), lazy_text("Weight of the style's large shapes."), low=0, high=200, unit="%"
    )
    style_distance: str = _setting(
        "auto",
        lazy_text("Style distance"),
        lazy_text("How the result is compared with the style."),
        choices=(
            ("auto", lazy_text("set by quality")),
            ("gram", lazy_text("which marks occur together, as in the paper")),
            ("moments", lazy_text("also how strong marks are and how much they vary")),
            ("wasserstein", lazy_text("whole distribution of marks, by its means and covariances")),
        ),
    )
    seamless: bool = _setting(
        False,
        lazy_text("Seamless"),
        lazy_text("The result can be tiled: left and right edges match, and so do top and bottom."),
    )
    seed: int = _setting(
        0,
        lazy_text("Seed"),
        lazy_text("Each number gives a different variation if the initial image is noise."),
        low=0,
        high=2**31 - 1,
    )
    iterations: int = _setting(
        0,
        lazy_text("Iterations"),
        lazy_text("Total number of optimisation steps; 0 lets the quality decide."),
        low=0,
        high=20000,
        # Translators: the unit of a number in a field: of optimisation.
        unit=lazy_text("steps"),
    )
    optimiser: str = _setting(
        "lbfgs",
        lazy_text("Optimiser"),
        lazy_text("Optimisation method. The paper uses gradient descent; L-BFGS differs from it."),
        choices=(
            ("lbfgs", lazy_text("fewest steps")),
            ("adam", lazy_text("adaptive step sizes")),
            ("gradient", lazy_text("plain gradient descent")),
        ),
    )
    pooling: str = _setting(
        "antialiased",
        lazy_text("Pooling"),
        lazy_text("How the network halves the size of its feature maps."),
        choices=(
            ("antialiased", lazy_text("even strokes")),
            ("average", lazy_text("smoother, as in the paper")),
            ("max", lazy_text("maximum, as the network was trained")),
        ),
    )
    reconstruct: str = _setting(
        "both",
        lazy_text("Reconstruct"),
        lazy_text("What to reconstruct: the content in the style, or one of the two alone."),
        choices=(
            ("both", lazy_text("content in the style")),
            ("content", lazy_text("content alone, as the content layer sees it")),
            ("style", lazy_text("style alone, as the style layers see it")),
        ),
    )
    content_layer: str = _setting(
        "conv4_2",
        lazy_text("Content layer"),
        lazy_text("Network layer at which the content is compared."),
        choices=tuple(
            (name, lazy_text("block {block}, convolution {number}", block=name[4], number=name[6]))
            for name in NETWORK_LAYERS
        ),
    )
    style_depth: int = _setting(
        5,
        lazy_text("Style depth"),
        lazy_text("How many style layers are used, from conv1_1 on."),
        low=1,
        high=5,
        # Translators: the unit of a number in a field: of the network.
        unit=lazy_text("layers"),
    )
    balance: float = _setting(
        -3.0,
        lazy_text("Balance"),
        lazy_text("The paper's ratio α/β of content to style, as a power of ten; only for quality 'paper'."),
        low=-8,
        high=2,
    )
    steadiness: float = _setting(
        75.0,
        lazy_text("Steadiness"),
        lazy_text("How closely a frame of a film follows the frames before it; 0 restyles each frame on its own."),
        low=0,
        high=100,
        unit="%",
    )
    composite: bool = _setting(
        False,
        lazy_text("Composite"),
        lazy_text(
            "Blend the result into the whole image; otherwise only the bounding box of the restyled area is returned, "
            "unblended."
        ),
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
        """All settings by name, as they are sent and stored."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_wire(cls, values: Any) -> StyleSettings:
        """Read a map of names to values. Settings that it lacks get their defaults.

        Args:
            values: For example from `to_wire`.

        Returns:
            The settings.

        Raises:
            BadSetting: A value is invalid, or a name is not known; then the message has the closest known one.
        """
        if not isinstance(values, dict):
            raise BadSetting(lazy_text("Settings must be a map of names to values."))
        known = setting_specs()
        for name in values:
            if name not in known:
                similar = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
                hint = (
                    lazy_text("Did you mean '{name}'?", name=similar[0])
                    if similar
                    else lazy_text("The settings are: {names}.", names=lazy_list(list(known)))
                )
                raise BadSetting(sentences(lazy_text("There is no setting {name}.", name=short_repr(name)), hint))
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
    choices = [choice for choice, _ in spec.choices]
    if wrong or not (value in choices if choices else kind is bool or spec.low <= value <= spec.high):
        is_wrong = lazy_text("Setting '{name}' cannot be {value}.", name=item.name, value=short_repr(value))
        raise BadSetting(sentences(is_wrong, _expected(spec, kind, is_of_kind=not wrong)))
    return kind(value)


def _expected(spec: SettingSpec, kind: type, *, is_of_kind: bool) -> str:
    """Which values a setting takes, as a sentence; with their kind if the given value is not even of that."""
    if kind is bool:
        return lazy_text("It takes yes or no.")
    if is_of_kind:
        return lazy_text("It takes {range}.", range=spec.range_text)
    if kind is str:
        return lazy_text("It takes a word: {range}.", range=spec.range_text)
    if kind is int:
        return lazy_text("It takes a whole number: {range}.", range=spec.range_text)
    return lazy_text("It takes a number: {range}.", range=spec.range_text)


def setting_specs() -> dict[str, SettingSpec]:
    """Return all settings by name, in the order in which they are declared."""
    return {item.name: item.metadata["spec"] for item in fields(StyleSettings)}


def translated_specs() -> dict[str, SettingSpec]:
    """As `setting_specs`, in the user's language."""
    return {name: spec.translated() for name, spec in setting_specs().items()}


def default_of(name: str) -> Any:
    """Return the default of a setting."""
    return StyleSettings.__dataclass_fields__[name].default


def _attributes() -> str:  # not translated: of a docstring
    """The settings as a section of the class's docstring, which says the same as windows and help pages do."""
    lines = ["Attributes:"]
    for name, spec in setting_specs().items():
        allowed = "" if type(default_of(name)) is bool else f" {spec.range_sentence}"
        lines.append(f"    {name}: {spec.help}{allowed} Default: {default_of(name)!r}.")
    return "\n".join(lines)


if StyleSettings.__doc__:  # python -OO has no docstrings
    StyleSettings.__doc__ = f"{inspect.cleandoc(StyleSettings.__doc__)}\n\n{_attributes()}\n"
