"""Command-line options generated from StyleSettings, so that names, ranges, defaults and help texts are defined
once."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from velatura.errors import BadSetting, UsageError
from velatura.i18n import _, lazy_text, pgettext, sentences, translated
from velatura.settings import SettingSpec, StyleSettings, default_of, setting_specs, translated_specs
from velatura_daemon.terminal.presets import PRESET, apply_preset, is_given

# An editor turns the selection into a layer mask. Files have no layer masks, so here the result is blended in.
CLI_DEFAULTS = {"composite": True}
LONGEST_METAVAR = 60  # characters, of the 80 of a help page; the sixteen layers of the network take 127


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --preset, and one option for each setting. Their values are passed as keyword arguments of these names."""
    for name, spec in reversed(translated_specs().items()):
        command = _option(name, spec)(command)
    return PRESET(command)


def _option(name: str, spec: SettingSpec) -> Callable[..., Any]:
    default = CLI_DEFAULTS.get(name, default_of(name))
    flag = _flag(name)
    if isinstance(default, bool):
        return click.option(f"{flag}/--no-{name}", name, default=default, help=translated(spec.help))
    if spec.choices:
        metavar = "|".join(value for value, _meaning in spec.choices)
        metavar = metavar if len(metavar) <= LONGEST_METAVAR else _("NAME")
        return click.option(flag, name, default=default, metavar=metavar, help=_with_values(spec, _meanings(spec)))
    return click.option(
        flag,
        name,
        default=default,
        type=type(default),
        metavar=translated(spec.unit) or _("N"),
        help=translated(sentences(spec.help, spec.range_sentence)),
    )


def _with_values(spec: SettingSpec, values: str) -> str:
    # Translators: the help of an option: what the setting is, then the values that it can have.
    return _("{help} {values}.").format(help=spec.help, values=values)


def _meanings(spec: SettingSpec) -> str:
    # Translators: a value of a setting, as it is typed, and what it means.
    meanings = [_("{value}: {meaning}").format(value=value, meaning=meaning) for value, meaning in spec.choices]
    # Translators: what is between the items of a list whose items have several words.
    return pgettext("list", "; ").join(meanings)


def settings_from(values: dict[str, Any]) -> StyleSettings:
    """Build StyleSettings from the option values and the preset.

    Raises BadSetting, which names the option and its range, and BadPreset.
    """
    if values["preset"] is not None:
        values = apply_preset(values["preset"], values)
    return _checked(values)


def _checked(values: Mapping[str, Any]) -> StyleSettings:
    """Build StyleSettings from one value of each setting. Raises BadSetting."""
    settings = StyleSettings.from_wire({f.name: values[f.name] for f in dataclasses.fields(StyleSettings)})
    if settings.strength_is_locked and is_given("strength") and values["strength"] != default_of("strength"):
        raise BadSetting(
            lazy_text("With quality 'paper', --balance weighs content against style. Omit --strength.")
            if settings.quality == "paper"
            else lazy_text("A reconstruction of the style alone uses no content. Omit --strength.")
        )
    return settings


# --- several values of each setting -----------------------------------------------------------------------------
YES, NO = ("yes", "true", "on"), ("no", "false", "off")


@dataclass(frozen=True)
class Variation:
    """The values of a setting that are compared, in the order in which they were given."""

    setting: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Variant:
    """One combination of the compared values. values: by setting, of the settings that vary."""

    values: Mapping[str, Any]
    settings: StyleSettings


def list_options(**defaults: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Like setting_options, but each option takes several values, separated by commas; `variants_from` reads them.
    defaults: by setting, where they differ from those of setting_options."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, spec in reversed(translated_specs().items()):
            default = {**CLI_DEFAULTS, **defaults}.get(name, default_of(name))
            # Translators: the values of a setting as they are typed: yes and no stay English.
            what = _("Yes or no.") if isinstance(default, bool) else spec.range_sentence
            command = click.option(
                _flag(name),
                name,
                default=value_text(default),
                metavar=_("VALUE,…"),
                help=translated(sentences(spec.help, what)),
            )(command)
        return PRESET(command)

    return decorate


def variants_from(values: dict[str, Any], limit: int) -> tuple[list[Variation], list[Variant]]:
    """Read the values of `list_options`. Returns the settings with several values, in the order of the options on the
    command line, and all combinations, the last setting's values fastest.

    Raises BadSetting, which names the setting and its range, BadPreset, and UsageError if there are more combinations
    than `limit`.
    """
    lists = {name: _values_in(name, text) for name, text in values.items() if name in setting_specs()}
    if values["preset"] is not None:
        chosen = apply_preset(values["preset"], values)
        lists = {name: each if is_given(name) else (chosen[name],) for name, each in lists.items()}
        lists = {
            name: tuple(_value(name, v) if isinstance(v, str) else v for v in each) for name, each in lists.items()
        }
    for name, each in lists.items():
        for value in each:
            StyleSettings.from_wire({name: value})  # a wrong value is named before the combinations are counted
    variations = [Variation(name, each) for name, each in lists.items() if len(each) > 1]
    number = math.prod(len(variation.values) for variation in variations)
    if number > limit:
        raise UsageError(
            lazy_text(
                "These are {number} combinations of settings. Up to {limit} are possible: give fewer values.",
                number=number,
                limit=limit,
            )
        )
    single = {name: each[0] for name, each in lists.items()}
    variants = []
    for combination in itertools.product(*(variation.values for variation in variations)):
        varied = {variation.setting: value for variation, value in zip(variations, combination, strict=True)}
        variants.append(Variant(varied, _checked({**single, **varied})))
    return variations, variants


def value_text(value: Any) -> str:
    """A setting's value as it is typed."""
    if isinstance(value, bool):
        return YES[0] if value else NO[0]
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _values_in(name: str, text: str) -> tuple[Any, ...]:
    """The different values in a list separated by commas, in order."""
    return tuple(dict.fromkeys(_value(name, part.strip()) for part in text.split(",")))


def _value(name: str, text: str) -> Any:
    """The value in the type of its setting. Text that is none is returned as it is: StyleSettings says what is wrong
    with it."""
    kind = type(default_of(name))
    if kind is bool:
        return True if text.lower() in YES else False if text.lower() in NO else text
    try:
        return text if kind is str else kind(text)
    except ValueError:
        return text


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
