"""The procedure's arguments, made from `StyleSettings`, and what a caller has set of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gi.repository import Gimp, Gio, GObject

from velatura import strings
from velatura.app_dirs import app_dirs
from velatura.editor import ui_state
from velatura.editor.styles import parse_style, style_from_file
from velatura.editor.ui_state import Style
from velatura.errors import UsageError
from velatura.settings import StyleSettings, default_of, setting_specs

from . import canvas, styles

PROGRAM = "gimp"  # to the daemon, and to what is remembered
STYLE, STYLE_DRAWABLE, STYLES, REGIONS = "style", "style-drawable", "styles", "regions"
LAYER = "layer"
SHORT = "Repaint the layer or the selection in the manner of a painting"
LONG = (
    "Optimises a copy of the layer until a network sees the layer's content and the painting's style in it (Gatys, "
    "Ecker and "
    "Bethge 2015). The work is done by Velatura's daemon, which is started where none runs. The result is a new layer "
    "above "
    "the source; a selection becomes its mask. An indexed image's result opens as a new RGB image."
)
EXPLAIN_SHORT = "Content and style of the layer and the last painting, as each layer of the network sees them"
EXPLAIN_LONG = (
    "The figures of the article (Gatys, Ecker and Bethge 2015) for this layer and a painting: the content alone from "
    "five of the "
    "network's layers, the style alone from its first one to five, and a table of both, as layers of a new image."
)
RESULTS_SHORT = "Results that wait, restyles that were stopped, and what was made before"
RESULTS_LONG = (
    "A window of what Velatura's daemon keeps: results that have not reached their image, restyles that a crash "
    "stopped, to be gone on "
    "with, and the last 200 restyles, whose knobs and styles can be used again. For a person: scripts use 'velatura "
    "results'."
)


def describe_restyle(procedure: Any) -> None:
    """Documentation, the styles, every knob, and the result."""
    procedure.set_documentation(SHORT, LONG, None)
    _add_style(procedure)
    _add_styles(procedure)
    for name in setting_specs():
        _add_knob(procedure, name)
    _add_result(procedure)


def describe_again(procedure: Any) -> None:
    procedure.set_documentation(SHORT, LONG, None)
    _add_result(procedure)


def describe_explain(procedure: Any) -> None:
    procedure.set_documentation(EXPLAIN_SHORT, EXPLAIN_LONG, None)
    _add_style(procedure)
    _add_result(procedure)


def describe_results(procedure: Any) -> None:
    procedure.set_documentation(RESULTS_SHORT, RESULTS_LONG, None)
    _add_result(procedure)


def _add_result(procedure: Any) -> None:
    procedure.add_layer_return_value(LAYER, "Result", "The new layer, perhaps in an image of its own", True, _FLAGS)


_FLAGS = GObject.ParamFlags.READWRITE


def _add_style(procedure: Any) -> None:
    file, drawable = "The painting, as a file", "The painting, as a layer of any open image; it goes before the file"
    # Not FileChooserAction.OPEN: GIMP would refuse a file that is not there without a word; we have a sentence for it.
    procedure.add_file_argument(STYLE, strings.STYLE, file, Gimp.FileChooserAction.ANY, True, None, _FLAGS)
    procedure.add_drawable_argument(STYLE_DRAWABLE, "Style drawable", drawable, True, _FLAGS)


def _add_styles(procedure: Any) -> None:
    several, regions = (
        "Several paintings, each as PATH or PATH:SHARE; they go before the one",
        "For each style, in their order, where it goes: the name of a channel or layer of the image, or the path of a "
        "grey "
        "picture of the image's size; empty: wherever no region is",
    )
    procedure.add_string_array_argument(STYLES, "Styles", several, _FLAGS)
    procedure.add_string_array_argument(REGIONS, "Regions", regions, _FLAGS)


def _add_knob(procedure: Any, name: str) -> None:
    knob, default = setting_specs()[name], default_of(name)
    about = (argument(name), labels()[name], knob.help)
    if knob.choices:
        choice = Gimp.Choice.new()
        for number, (value, meaning) in enumerate(knob.choices):
            choice.add(value, number, f"{value}: {meaning}", meaning)
        procedure.add_choice_argument(*about, choice, default, _FLAGS)
    elif isinstance(default, bool):
        procedure.add_boolean_argument(*about, default, _FLAGS)
    elif isinstance(default, int):
        procedure.add_int_argument(*about, int(knob.low), int(knob.high), default, _FLAGS)
    else:
        procedure.add_double_argument(*about, knob.low, knob.high, default, _FLAGS)


def labels() -> dict[str, str]:
    """Every knob's label with a mnemonic of its own, which GIMP's dialogs want; theirs are taken already."""
    taken, found = set("rclseo"), {}
    for name, knob in setting_specs().items():
        place = next(
            (i for i, letter in enumerate(knob.label.lower()) if letter.isalpha() and letter not in taken), None
        )
        if place is not None:
            taken.add(knob.label[place].lower())
        found[name] = knob.label if place is None else f"{knob.label[:place]}_{knob.label[place:]}"
    return found


def argument(knob: str) -> str:
    """A knob's name as GIMP writes names."""
    return knob.replace("_", "-")


# --- what was set ------------------------------------------------------------------------------------
def settings(config: Any) -> StyleSettings:
    """Every knob. Raises BadSetting."""
    return StyleSettings(**{name: config.get_property(argument(name)) for name in setting_specs()})


def chosen(config: Any) -> list[Style]:
    """The styles: the several, else the one. Raises UsageError, NotAPicture."""
    several = config.get_property(STYLES)
    return [_named(str(path), share) for path, share in map(parse_style, several)] if several else chosen_one(config)


def chosen_one(config: Any) -> list[Style]:
    """The one style: the drawable (kept as a file first), else the file, else none. Raises UsageError, NotAPicture."""
    drawable = config.get_property(STYLE_DRAWABLE)
    if drawable is not None:
        return [styles.keep_drawable(drawable)]
    file = config.get_property(STYLE)
    if file is None:
        return []
    if file.get_path() is None:
        raise UsageError(f"The style {file.get_uri()} is not on this machine. Save it as a file here first.")
    return [_named(file.get_path(), 1.0)]


def in_regions(config: Any, wanted: list[Style], image: Any) -> list[Style]:
    """The styles, each with its region of this image. Raises VelaturaError."""
    names = list(config.get_property(REGIONS) or [])
    if len(names) > len(wanted):
        raise UsageError(
            f"{len(names)} regions are given for {len(wanted)} style(s). Give one for each, or an empty one."
        )
    names += [""] * (len(wanted) - len(names))
    return [replace(style, region=canvas.region_named(image, name)) for style, name in zip(wanted, names, strict=True)]


def _named(path: str, share: float) -> Style:
    """GIMP remembers no more than the file; a style that came from none is called what it was when it was used."""
    known = {style.path: style.name for style in ui_state.load(app_dirs(), PROGRAM).recent}
    return Style(path, known.get(path) or style_from_file(path).name, share)


def set_knobs(config: Any, wanted: StyleSettings) -> None:
    for name in setting_specs():
        config.set_property(argument(name), getattr(wanted, name))


def choose(config: Any, wanted: list[Style]) -> None:
    """Write the styles down: the first as the file, several as words. It is what GIMP remembers and saves as a
    preset."""
    config.set_property(STYLE_DRAWABLE, None)
    config.set_property(STYLE, Gio.File.new_for_path(wanted[0].path) if wanted else None)
    config.set_property(STYLES, [f"{style.path}:{style.share:g}" for style in wanted] if len(wanted) > 1 else [])
