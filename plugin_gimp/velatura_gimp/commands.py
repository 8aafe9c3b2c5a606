"""Runs the commands in each of GIMP's run modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp, GLib, GObject

from velatura import strings
from velatura.app_dirs import app_dirs
from velatura.editor import ui_state
from velatura.editor.background import as_velatura_error
from velatura.editor.setup_controller import is_set_up_needed
from velatura.errors import NothingToRestyle, UsageError

from . import arguments, windowless
from .canvas import Canvas

STATUS = Gimp.PDBStatusType
RESTYLE = "plug-in-velatura-restyle"


def restyle(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], config: Any) -> Any:
    """Opens the dialog; or restyles without it, with a script's values or those that GIMP stored the last time."""

    def without_dialog() -> Any:
        by_script = run_mode == Gimp.RunMode.NONINTERACTIVE
        styles, settings = arguments.chosen(config), arguments.settings(config)
        if not styles:
            raise UsageError(strings.NO_STYLE_GIVEN if by_script else strings.NOTHING_TO_REPEAT)
        styles = arguments.with_regions(config, styles, image)
        return windowless.restyle(arguments.PROGRAM, Canvas(image, drawables, show=not by_script), styles, settings)

    is_new = is_set_up_needed(app_dirs())

    def in_dialog() -> Any:
        from .controller import RestyleController

        canvas = Canvas(image, drawables, show=True)
        return RestyleController(arguments.PROGRAM, procedure, config, canvas).run(is_new=is_new)

    command = in_dialog if run_mode == Gimp.RunMode.INTERACTIVE else without_dialog
    return _return_values(procedure, run_mode, image, _after_set_up(run_mode, command))


def restyle_again(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], _: Any) -> Any:
    """Restyles with the settings of the last time, without a dialog."""

    def without_dialog() -> Any:
        last = ui_state.load(app_dirs(), arguments.PROGRAM)
        if not last.styles:
            raise NothingToRestyle(strings.NOTHING_TO_REPEAT)
        return windowless.restyle(arguments.PROGRAM, Canvas(image, drawables, show=True), last.styles, last.settings)

    return _return_values(procedure, run_mode, image, _after_set_up(run_mode, without_dialog))


def edit(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], _: Any) -> Any:
    """Opens the dialog with the settings and styles of a result, which Restyle then replaces."""

    def in_dialog() -> Any:
        if run_mode == Gimp.RunMode.NONINTERACTIVE:
            raise UsageError(strings.EDIT_INTERACTIVE_ONLY)
        canvas = Canvas(image, drawables, show=True)
        canvas.edit_target(canvas.edited_result())  # raises before the dialog is shown
        return _controller(procedure, canvas).run(edit=True)

    return _return_values(procedure, run_mode, image, _after_set_up(run_mode, in_dialog))


def _controller(procedure: Any, canvas: Canvas) -> Any:
    """The controller of the restyle dialog, opened by another command."""
    from .controller import RestyleController

    restyle_procedure = procedure.get_plug_in().do_create_procedure(RESTYLE)
    return RestyleController(arguments.PROGRAM, restyle_procedure, restyle_procedure.create_config(), canvas)


def explain(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], config: Any) -> Any:
    """Makes the figures without a dialog, with the given style, or else the first one of the last restyle."""

    def without_dialog() -> Any:
        styles = arguments.chosen_one(config) or ui_state.load(app_dirs(), arguments.PROGRAM).styles
        if not styles:
            raise NothingToRestyle(strings.NO_STYLE_TO_EXPLAIN)
        return windowless.explain(
            arguments.PROGRAM, Canvas(image, drawables, show=run_mode == Gimp.RunMode.INTERACTIVE), styles[0]
        )

    return _return_values(procedure, run_mode, image, _after_set_up(run_mode, without_dialog))


def results(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], _: Any) -> Any:
    """Opens the results dialog, then the restyle dialog if a past restyle is to be used again."""

    def in_dialog() -> Any:
        if run_mode == Gimp.RunMode.NONINTERACTIVE:
            raise UsageError(strings.INTERACTIVE_ONLY)
        from .controller import show_results

        canvas = Canvas(image, drawables, show=True)
        used = show_results(arguments.PROGRAM, canvas)
        if used is None:
            return canvas.latest
        if image is None:
            raise NothingToRestyle(strings.NO_LAYER)
        return _controller(procedure, canvas).run(using=used)

    return _return_values(procedure, run_mode, image, _after_set_up(run_mode, in_dialog))


def set_up(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], _: Any) -> Any:
    """Opens the dialog that sets up, updates, repairs and removes the daemon."""

    def in_dialog() -> None:
        if run_mode == Gimp.RunMode.NONINTERACTIVE:
            raise UsageError(strings.SET_UP_INTERACTIVE_ONLY)
        from . import setup_window

        setup_window.show(stay=True)

    return _return_values(procedure, run_mode, image, in_dialog)


def open_help(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], _: Any) -> Any:
    """Opens the manual."""
    from .manual import open_manual

    return _return_values(procedure, run_mode, image, open_manual)


def _after_set_up(run_mode: Any, command: Callable[[], Any]) -> Callable[[], Any]:
    """The command, before which the set-up is offered if no daemon can be started; a script gets an error instead."""
    if run_mode == Gimp.RunMode.NONINTERACTIVE:
        return command

    def run() -> Any:
        from .setup_window import set_up_if_needed

        return command() if set_up_if_needed() else None

    return run


def _return_values(procedure: Any, run_mode: Any, image: Any, command: Callable[[], Any]) -> Any:
    """Runs a command and converts its outcome to GIMP's return values.

    A layer is a success, None a cancel. Only scripts get the layer: GIMP 3.0.4 frees the values of a command late, and
    ends with a segmentation fault if the user has closed the layer's image by then. If the image has been closed, it is
    a cancel as well: after a success, GIMP stores the settings in the image, and shows an error if that fails. An error
    of ours is reported to GIMP, which shows it in a dialog or on a script's standard error.
    """
    try:
        layer = command()
    except Exception as exception:
        error = as_velatura_error(exception)
        status = STATUS.CALLING_ERROR if isinstance(error, UsageError) else STATUS.EXECUTION_ERROR
        text = "\n\n".join(filter(None, (error.local_sentence, error.details)))
        return procedure.new_return_values(status, GLib.Error(text))
    if layer is None or (image is not None and not image.is_valid()):
        return procedure.new_return_values(STATUS.CANCEL, None)
    values = procedure.new_return_values(STATUS.SUCCESS, None)
    if run_mode != Gimp.RunMode.NONINTERACTIVE:
        return values
    result = GObject.Value()
    result.init(Gimp.Layer.__gtype__)
    result.set_object(layer)
    values.remove(1)
    values.insert(1, result)
    return values
