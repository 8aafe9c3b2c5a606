"""Writes docs/settings.md from StyleSettings; `make pages` runs this, and a test checks that the page is up to date."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from velatura import strings
from velatura.settings import SettingSpec, StyleSettings
from velatura_daemon.terminal.setting_options import CLI_DEFAULTS

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """\
# Settings

All settings of a restyle, with their ranges and defaults.
They are the same in Krita, in GIMP, on the command line, in presets and in the protocol.
A value out of its range is refused with a sentence that names the range.
[Controls](controls.md) shows with pictures what the most important ones do.

<!-- Made by `make pages` from shared/velatura/settings.py; changes made by hand are lost. -->
"""
GROUPS = (
    ("Main settings", "In the windows, in presets and on the command line.", strings.MAIN_SETTINGS),
    (
        "More settings",
        "In the windows under **More settings**, in presets and on the command line.",
        strings.MORE_SETTINGS,
    ),
    ("For films", "Used by `velatura film` and by the animations of the editors ([films](film.md)).", ("steadiness",)),
    (
        "For the paper's figures",
        "On the command line only; [`velatura explain`](explain.md) uses them.",
        strings.FIGURE_SETTINGS,
    ),
    (
        "For masks",
        "On the command line and for scripts in GIMP; the windows make a layer mask instead.",
        ("composite",),
    ),
)
TAIL = """
## Which settings have no effect
| if | then |
|---|---|
| quality is `paper` | strength has no effect: `--balance` takes its place |
| … | the initial image is noise, pooling is `average`, and the style distance is `gram`, whatever is set |
| reconstruct is `style` | strength has no effect |
| strength is 0 | the image stays as it is |
| the initial image is not noise | seed has no effect |
| the restyle is not a frame of a film | steadiness has no effect |
"""


def page() -> str:
    by_name = {item.name: item for item in fields(StyleSettings)}
    parts = [HEAD]
    for title, where, names in GROUPS:
        parts.append(f"\n## {title}\n{where}\n\n| setting | values | default | meaning |\n|---|---|---|---|\n")
        parts.extend(_row(name, by_name.pop(name).default) for name in names)
    if by_name:
        raise SystemExit(f"No group of {Path(__file__).name} has the settings {', '.join(by_name)}.")
    return "".join(parts) + TAIL


def _row(name: str, default: Any) -> str:
    spec: SettingSpec = StyleSettings.__dataclass_fields__[name].metadata["spec"]
    option = f"`--{name.replace('_', '-')}`"
    usual = _value(default, spec)
    if name in CLI_DEFAULTS:
        usual += f"; on the command line {_value(CLI_DEFAULTS[name], spec)}"
    return f"| {spec.label}<br>{option} | {_values(spec, default)} | {usual} | {_meaning(spec)} |\n"


def _values(spec: SettingSpec, default: Any) -> str:
    if isinstance(default, bool):
        return "yes, no"
    if spec.choices:
        choices = [f"`{value}`" for value, _ in spec.choices]
        return ", ".join(choices) if len(choices) <= 6 else f"{choices[0]}, {choices[1]}, … {choices[-1]}"
    return str(spec.range_text)


def _value(default: Any, spec: SettingSpec) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"`{default}`" if spec.choices else f"{default:g}"


def _meaning(spec: SettingSpec) -> str:
    if len(spec.choices) > 6:
        return str(spec.help)
    return " ".join([spec.help, *(f"`{value}`: {meaning}." for value, meaning in spec.choices)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
