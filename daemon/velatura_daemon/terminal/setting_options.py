"""Command-line options generated from StyleSettings, so that names, ranges, defaults and help texts are defined
once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import click

from velatura.errors import BadSetting
from velatura.settings import SettingSpec, StyleSettings, default_of, setting_specs

# An editor turns the selection into a layer mask. Files have no layer masks, so here the result is blended in.
CLI_DEFAULTS = {"composite": True}


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option for each setting. Their values are passed as keyword arguments named like the settings."""
    for name, spec in reversed(setting_specs().items()):
        command = _option(name, spec)(command)
    return command


def _option(name: str, spec: SettingSpec) -> Callable[..., Any]:
    default = CLI_DEFAULTS.get(name, default_of(name))
    flag = "--" + name.replace("_", "-")
    if isinstance(default, bool):
        return click.option(f"{flag}/--no-{name}", name, default=default, help=spec.help)
    if spec.choices:
        meanings = "; ".join(f"{value}: {meaning}" for value, meaning in spec.choices)
        return click.option(
            flag, name, default=default, metavar="|".join(v for v, _ in spec.choices), help=f"{spec.help} {meanings}."
        )
    return click.option(
        flag,
        name,
        default=default,
        type=type(default),
        metavar=spec.unit or "N",
        help=f"{spec.help} {spec.range_text}.",
    )


def settings_from(values: dict[str, Any]) -> StyleSettings:
    """Build StyleSettings from the option values. Raises BadSetting, which names the option and its range."""
    settings = StyleSettings.from_wire({f.name: values[f.name] for f in dataclasses.fields(StyleSettings)})
    if settings.strength_is_locked and values["strength"] != default_of("strength"):
        reason = (
            "With quality 'paper', --balance weighs content against style"
            if settings.quality == "paper"
            else "A reconstruction of the style alone uses no content"
        )
        raise BadSetting(f"{reason}. Omit --strength.")
    return settings
