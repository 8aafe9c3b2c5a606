"""The arguments of the procedures, made from `StyleSettings`, and the values that a caller has set."""

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
from velatura.i18n import _, lazy_text, translated
from velatura.settings import StyleSettings, default_of, setting_specs, translated_specs

from .canvas_regions import region_named
from .mnemonics import with_mnemonic
from .styles import save_drawable

PROGRAM = "gimp"  # identifies this client to the daemon, and names the file with the last settings
STYLE, STYLE_DRAWABLE, STYLES, REGIONS = "style", "style-drawable", "styles", "regions"
LAYER = "layer"
DIALOG_KEYS = "rclseo"  # the mnemonics of the dialogs themselves, in English
RESTYLE_BLURB = _("Restyle the layer or the selection in the style of another image")
RESTYLE_HELP = _(
    "Optimises a copy of the layer until a neural network finds the content of the layer and the style of the other "
    "image in it (Gatys, Ecker and Bethge 2015). Velatura's daemon does the work; it is started if it is not running. "
    "The result is a new layer above the source, with the selection as its layer mask. For an indexed image, the "
    "result is a new RGB image."
)
EDIT_BLURB = _("Change the settings or styles of a result, and replace it")
EDIT_HELP = _(
    "Opens the dialog with the settings and styles that a layer of Velatura was made with. The button Restyle then "
    "restyles its source again and replaces the layer, in one undo step. How a layer was made is stored with it, also "
    "in .xcf files."
)
EXPLAIN_BLURB = _("Show how each layer of the network sees the content of this layer and the last style")
EXPLAIN_HELP = _(
    "Makes the figures of the paper (Gatys, Ecker and Bethge 2015) for this layer and a style: the content alone from "
    "five of the network's layers, the style alone from its first one to five, and a table of both. They become layers "
    "of a new image."
)
RESULTS_BLURB = _("Recover saved results, resume stopped restyles, and reuse earlier settings")
RESULTS_HELP = _(
    "Opens a window with everything that Velatura's daemon has saved: results that were not inserted into their image, "
    "restyles that were stopped, e.g. by a crash, and can be resumed, and the last 200 restyles, whose settings and "
    "styles can be used again. In scripts, use 'velatura results' instead."
)

SETUP_BLURB = _("Set up, update, repair or remove the background program")
HELP_BLURB = _("Open the manual of Velatura")


def describe_restyle(procedure: Any) -> None:
    """Adds the documentation, the styles, every setting and the return value."""
    procedure.set_documentation(RESTYLE_BLURB, RESTYLE_HELP, None)
    _add_style(procedure)
    _add_styles(procedure)
    for name in setting_specs():
        _add_setting(procedure, name)
    _add_result(procedure)


def describe_again(procedure: Any) -> None:
    procedure.set_documentation(RESTYLE_BLURB, RESTYLE_HELP, None)
    _add_result(procedure)


def describe_edit(procedure: Any) -> None:
    procedure.set_documentation(EDIT_BLURB, EDIT_HELP, None)
    _add_result(procedure)


def describe_explain(procedure: Any) -> None:
    procedure.set_documentation(EXPLAIN_BLURB, EXPLAIN_HELP, None)
    _add_style(procedure)
    _add_result(procedure)


def describe_setup(procedure: Any) -> None:
    procedure.set_documentation(SETUP_BLURB, SETUP_BLURB, None)
    _add_result(procedure)


def describe_help(procedure: Any) -> None:
    procedure.set_documentation(HELP_BLURB, HELP_BLURB, None)
    _add_result(procedure)


def describe_results(procedure: Any) -> None:
    procedure.set_documentation(RESULTS_BLURB, RESULTS_HELP, None)
    _add_result(procedure)


def _add_result(procedure: Any) -> None:
    procedure.add_layer_return_value(LAYER, _("Result"), _("The new layer; it may be in a new image"), True, _FLAGS)


_FLAGS = GObject.ParamFlags.READWRITE


def _add_style(procedure: Any) -> None:
    file = _("The style, as an image file")
    drawable = _("The style, as a layer of any open image; takes precedence over the file")
    # Not FileChooserAction.OPEN: GIMP would refuse a missing file without a message; the plug-in reports it.
    procedure.add_file_argument(STYLE, translated(strings.STYLE), file, Gimp.FileChooserAction.ANY, True, None, _FLAGS)
    procedure.add_drawable_argument(STYLE_DRAWABLE, _("Style drawable"), drawable, True, _FLAGS)


def _add_styles(procedure: Any) -> None:
    several = _("Several styles, each as PATH or PATH:SHARE; they take precedence over a single style")
    regions = _(
        "The region of each style, in the same order: the name of a channel or layer of the image, or the path of a "
        "greyscale image of the same size; if empty, the style is used wherever there is no region"
    )
    procedure.add_string_array_argument(STYLES, _("Styles"), several, _FLAGS)
    procedure.add_string_array_argument(REGIONS, _("Regions"), regions, _FLAGS)


def _add_setting(procedure: Any, name: str) -> None:
    spec, default = translated_specs()[name], default_of(name)
    description = (argument(name), labels()[name], spec.help)
    if spec.choices:
        choice = Gimp.Choice.new()
        for number, (value, meaning) in enumerate(spec.choices):
            choice.add(value, number, translated(strings.choice_label(value, meaning)), translated(meaning))
        procedure.add_choice_argument(*description, choice, default, _FLAGS)
    elif isinstance(default, bool):
        procedure.add_boolean_argument(*description, default, _FLAGS)
    elif isinstance(default, int):
        procedure.add_int_argument(*description, int(spec.low), int(spec.high), default, _FLAGS)
    else:
        procedure.add_double_argument(*description, spec.low, spec.high, default, _FLAGS)


def labels() -> dict[str, str]:
    """The label of every setting, each with a different mnemonic, as GIMP's dialogs require."""
    taken, marked = set(DIALOG_KEYS), {}
    for name, spec in translated_specs().items():
        marked[name], key = with_mnemonic(spec.label, taken)
        taken.add(key)
    return marked


def argument(name: str) -> str:
    """A setting's name in GIMP's spelling of arguments."""
    return name.replace("_", "-")


# --- values ------------------------------------------------------------------------------------------
def settings(config: Any) -> StyleSettings:
    """The value of every setting. Raises BadSetting."""
    return StyleSettings(**{name: config.get_property(argument(name)) for name in setting_specs()})


def chosen(config: Any) -> list[Style]:
    """The styles: several if they are given, otherwise the single one. Raises UsageError, NotAPicture."""
    several = config.get_property(STYLES)
    return [_style(str(path), share) for path, share in map(parse_style, several)] if several else chosen_one(config)


def chosen_one(config: Any) -> list[Style]:
    """The single style: the drawable, saved as a file first, or else the file; empty if there is neither.

    Raises UsageError, NotAPicture.
    """
    drawable = config.get_property(STYLE_DRAWABLE)
    if drawable is not None:
        return [save_drawable(drawable)]
    file = config.get_property(STYLE)
    if file is None:
        return []
    if file.get_path() is None:
        message = lazy_text(
            "The style {uri} is not on this machine. Save it to a local file first.", uri=file.get_uri()
        )
        raise UsageError(message)
    return [_style(file.get_path(), 1.0)]


def with_regions(config: Any, styles: list[Style], image: Any) -> list[Style]:
    """The styles with their regions of this image. Raises VelaturaError."""
    names = list(config.get_property(REGIONS) or [])
    if len(names) > len(styles):
        raise UsageError(
            lazy_text(
                "The number of regions ({regions}) differs from the number of styles ({styles}). Give one region per "
                "style; it may be empty.",
                regions=len(names),
                styles=len(styles),
            )
        )
    names += [""] * (len(styles) - len(names))
    return [replace(style, region=region_named(image, name)) for style, name in zip(styles, names, strict=True)]


def _style(path: str, share: float) -> Style:
    """GIMP only stores the path; a style that had no file of its own keeps the name that it was used with."""
    known = {style.path: style.name for style in ui_state.load(app_dirs(), PROGRAM).recent}
    return Style(path, known.get(path) or style_from_file(path).name, share)


def set_settings(config: Any, settings: StyleSettings) -> None:
    for name in setting_specs():
        config.set_property(argument(name), getattr(settings, name))


def set_styles(config: Any, chosen: list[Style]) -> None:
    """Stores the styles in the configuration, which GIMP remembers and saves in presets: the first one as the file, and
    several also as strings."""
    config.set_property(STYLE_DRAWABLE, None)
    config.set_property(STYLE, Gio.File.new_for_path(chosen[0].path) if chosen else None)
    config.set_property(STYLES, [f"{style.path}:{style.share:g}" for style in chosen] if len(chosen) > 1 else [])
