"""The option --preset: settings by the name of a preset, or from a file that somebody has sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from velatura.app_dirs import app_dirs
from velatura.i18n import _
from velatura.presets.preset import SUFFIX
from velatura.presets.store import Entry, PresetStore, read_preset
from velatura_daemon.terminal.console import echo_problem

PRESET = click.option(
    "--preset",
    metavar=_("NAME|FILE"),
    help=_("Use the settings of a preset; 'velatura presets' lists them. Other options take precedence."),
)


def find_preset(name: str) -> Entry:
    """Find a preset by its name, or in a file. Raises BadPreset."""
    path = Path(name)
    if path.suffix == SUFFIX:
        return Entry(read_preset(path), path)
    return PresetStore.of(app_dirs()).find(name)


def apply_preset(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the option values with those of a preset, except where the user has given the option. Raises BadPreset.

    Settings that this version does not know are named on standard error.
    """
    preset = find_preset(name).preset
    if preset.warning:
        echo_problem(preset.warning)
    return {**values, **{name: value for name, value in preset.values.items() if not is_given(name)}}


def is_given(option: str) -> bool:
    """Whether the user has given this option to the running command."""
    source = click.get_current_context().get_parameter_source(option)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
