"""What the four commands do, in each of GIMP's run modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp, GLib, GObject

from velatura import strings
from velatura.app_dirs import app_dirs
from velatura.editor import ui_state
from velatura.editor.background import as_velatura_error
from velatura.errors import NothingToRestyle, UsageError

from . import arguments, windowless
from .canvas import Canvas

STATUS = Gimp.PDBStatusType
RESTYLE = "plug-in-velatura-restyle"


def restyle(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], config: Any) -> Any:
    """The dialog; or at once, with what a script says or what GIMP has kept from the last time."""

    def at_once() -> Any:
        by_script = run_mode == Gimp.RunMode.NONINTERACTIVE
        styles, settings = arguments.chosen(config), arguments.settings(config)
        if not styles:
            raise UsageError(strings.NO_STYLE_GIVEN if by_script else strings.NO_LAST)
        styles = arguments.in_regions(config, styles, image)
        return windowless.restyle(arguments.PROGRAM, Canvas(image, drawables, show=not by_script), styles, settings)

    def in_dialog() -> Any:
        from .controller import RestyleController

        return RestyleController(arguments.PROGRAM, procedure, config, Canvas(image, drawables, show=True)).run()

    return _answered(procedure, in_dialog if run_mode == Gimp.RunMode.INTERACTIVE else at_once)


def restyle_again(procedure: Any, _: Any, image: Any, drawables: list[Any], __: Any) -> Any:
    """With what was set the last time, without a dialog."""

    def at_once() -> Any:
        last = ui_state.load(app_dirs(), arguments.PROGRAM)
        if not last.styles:
            raise NothingToRestyle(strings.NO_LAST)
        return windowless.restyle(arguments.PROGRAM, Canvas(image, drawables, show=True), last.styles, last.settings)

    return _answered(procedure, at_once)


def explain(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], config: Any) -> Any:
    """With the style that a script gives, else the first of the last restyle's; without a dialog."""

    def at_once() -> Any:
        styles = arguments.chosen_one(config) or ui_state.load(app_dirs(), arguments.PROGRAM).styles
        if not styles:
            raise NothingToRestyle(strings.NO_STYLE_TO_EXPLAIN)
        return windowless.explain(
            arguments.PROGRAM, Canvas(image, drawables, show=run_mode == Gimp.RunMode.INTERACTIVE), styles[0]
        )

    return _answered(procedure, at_once)


def results(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], _: Any) -> Any:
    """The dialog of what is kept; where a past restyle is to be used again, the restyle's dialog follows."""

    def in_dialog() -> Any:
        if run_mode == Gimp.RunMode.NONINTERACTIVE:
            raise UsageError(strings.FOR_A_PERSON)
        from .controller import show_results

        canvas = Canvas(image, drawables, show=True)
        used = show_results(arguments.PROGRAM, canvas)
        if used is None:
            return canvas.latest
        if image is None:
            raise NothingToRestyle(strings.NO_LAYER)
        from .controller import RestyleController

        restyling = procedure.get_plug_in().do_create_procedure(RESTYLE)
        controller = RestyleController(arguments.PROGRAM, restyling, restyling.create_config(), canvas)
        return controller.run(using=used)

    return _answered(procedure, in_dialog)


def _answered(procedure: Any, do: Callable[[], Any]) -> Any:
    """GIMP's return values: the layer that came of it; a cancel where none did; else the sentence of what failed, which
    GIMP shows in its own way: in a dialog, or on a script's error output."""
    try:
        layer = do()
    except Exception as unforeseen:
        error = as_velatura_error(unforeseen)
        status = STATUS.CALLING_ERROR if isinstance(error, UsageError) else STATUS.EXECUTION_ERROR
        return procedure.new_return_values(
            status, GLib.Error("\n\n".join(filter(None, (error.sentence, error.details))))
        )
    if layer is None:
        return procedure.new_return_values(STATUS.CANCEL, None)
    values = procedure.new_return_values(STATUS.SUCCESS, None)
    result = GObject.Value()
    result.init(Gimp.Layer.__gtype__)
    result.set_object(layer)
    values.remove(1)
    values.insert(1, result)
    return values
