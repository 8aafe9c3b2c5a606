"""Command-line options made from StyleSettings: names, ranges, defaults and words are not written again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import click

from velatura.errors import BadSetting
from velatura.settings import SettingSpec, StyleSettings, default_of, setting_specs

# An editor makes a layer mask of the selection; a file has none, so here the result is blended in.
DEFAULTS_HERE = {"composite": True}


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds an option a knob; their values arrive as keyword arguments named like the settings."""
    for name, knob in reversed(setting_specs().items()):
        command = _option(name, knob)(command)
    return command


def _option(name: str, knob: SettingSpec) -> Callable[..., Any]:
    default = DEFAULTS_HERE.get(name, default_of(name))
    flag = "--" + name.replace("_", "-")
    if isinstance(default, bool):
        return click.option(f"{flag}/--no-{name}", name, default=default, help=knob.help)
    if knob.choices:
        words = "; ".join(f"{value}: {meaning}" for value, meaning in knob.choices)
        return click.option(
            flag, name, default=default, metavar="|".join(v for v, _ in knob.choices), help=f"{knob.help} {words}."
        )
    return click.option(
        flag,
        name,
        default=default,
        type=type(default),
        metavar=knob.unit or "N",
        help=f"{knob.help} {knob.range_text}.",
    )


def settings_from(values: dict[str, Any]) -> StyleSettings:
    """StyleSettings from the options. Raises BadSetting, naming the option and its range."""
    settings = StyleSettings.from_wire({f.name: values[f.name] for f in dataclasses.fields(StyleSettings)})
    if settings.strength_is_locked and values["strength"] != default_of("strength"):
        why = (
            "Quality 'paper' weighs content against style by --balance"
            if settings.quality == "paper"
            else "There is no content where style alone is reconstructed"
        )
        raise BadSetting(f"{why}; leave --strength out.")
    return settings
