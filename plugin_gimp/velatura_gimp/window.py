"""The dialog: the target, the styles, the settings and the progress. It does not use the daemon."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gi.repository import Gdk, GimpUi, Gtk

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.event_loop import Loop
from velatura.editor.ui_state import Style, UiState
from velatura.errors import VelaturaError
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

from . import arguments
from .controls import Controls
from .desktop import activates, guard_wheel, place, quiet_markup
from .gallery import Gallery
from .preview import PreviewArea
from .styles import over_checkerboard

SIZE = (1000, 740)  # pixels, if the screen has room
PLACE = "restyle"  # the name under which the place of the window is remembered
PULSE_INTERVAL = 120  # ms, of the progress bar before the first progress


class Window:
    """Shows the state, and calls the controller for each request of the user."""

    def __init__(self, procedure: Any, config: Any, image: Any, dirs: AppDirs, loop: Loop, controller: Any) -> None:
        self._config, self._controller, self._loop = config, controller, loop
        self._updating_config = False  # from the gallery
        self.closing = False
        self.dialog = GimpUi.ProcedureDialog.new(procedure, config, strings.TITLE)
        self.dialog.set_name("velatura")
        self._start = self.dialog.get_widget_for_response(Gtk.ResponseType.OK)
        self._cancel = self.dialog.get_widget_for_response(Gtk.ResponseType.CANCEL)
        self.preview = PreviewArea()
        self.gallery = Gallery(dirs, loop, image, self._styles_changed, controller.show_error, controller)
        self.controls = Controls(self.dialog, config)
        self._pulse = loop.timer(lambda: self.bar.pulse())
        content = self.dialog.get_content_area()
        content.set_spacing(8)
        content.pack_start(self._middle(), True, True, 0)
        content.pack_start(self._bottom(), False, False, 0)
        content.show_all()
        self._error_bar.hide()
        self.dialog.connect("key-press-event", self._on_key)
        self.dialog.connect("delete-event", self._on_close)
        self.dialog.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
        self.dialog.drag_dest_add_uri_targets()
        self.dialog.connect("drag-data-received", lambda _, __, ___, ____, data, *_____: self.gallery.add_drop(data))
        config.connect("notify", self._config_changed)
        self._is_busy = False
        self.set_idle()
        guard_wheel(self.controls)

    # --- layout --------------------------------------------------------------------------------------
    def _middle(self) -> Any:
        self.target = Gtk.Label(name="target", xalign=0)
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        left.pack_start(self.preview, True, True, 0)
        left.pack_start(self.target, False, False, 0)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8, hexpand=False, margin_end=8)
        heading = Gtk.Label(label=f"<b>{strings.STYLE}</b>", use_markup=True, xalign=0)
        heading.set_mnemonic_widget(self.gallery.view)
        right.pack_start(heading, False, False, 0)
        right.pack_start(self.gallery, True, True, 0)
        right.pack_start(Gtk.Separator(), False, False, 0)
        right.pack_start(self.controls, False, False, 0)
        # The whole column is taller than a small screen: it scrolls, so that the dialog's buttons stay visible.
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        scrolled.add(right)
        middle = Gtk.Box(spacing=14)
        middle.pack_start(left, True, True, 0)
        middle.pack_start(scrolled, False, False, 0)
        return middle

    def _bottom(self) -> Any:
        bottom = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.bar = Gtk.ProgressBar(name="bar")
        self.message = Gtk.Label(name="message", xalign=0, wrap=True, selectable=True)
        self.estimate = Gtk.Label(name="estimate", xalign=1, wrap=True)
        self.message.get_accessible().set_name(strings.MESSAGE_NAME)
        self.bar.get_accessible().set_name(strings.PROGRESS_NAME)
        help_button = Gtk.Button(
            label=strings.HELP, name="help", relief=Gtk.ReliefStyle.NONE, tooltip_text=strings.HELP_TIP
        )
        help_button.connect("clicked", lambda _: self._controller.help())
        line = Gtk.Box(spacing=12)
        line.pack_start(self.message, True, True, 0)
        line.pack_end(help_button, False, False, 0)
        line.pack_end(self.estimate, False, False, 0)
        self._error_bar = Gtk.InfoBar(message_type=Gtk.MessageType.WARNING, no_show_all=True)
        self._error_label = Gtk.Label(xalign=0, wrap=True, selectable=True, visible=True, name="error")
        self._error_bar.get_content_area().pack_start(self._error_label, True, True, 0)
        self._error_buttons = {}
        for text, name, tip, callback in (
            (strings.COPY_REPORT, "copy_report", strings.COPY_REPORT_TIP, self._controller.copy_report),
            (strings.COPY_COMMAND, "copy_command", strings.COPY_COMMAND_TIP, self._controller.copy_command),
            (strings.OPEN_AS_IMAGE, "open_image", strings.OPEN_AS_IMAGE_TIP, self._controller.open_as_picture),
        ):
            button = Gtk.Button(label=text, name=name, tooltip_text=tip)
            button.connect("clicked", lambda _, callback=callback: callback())
            self._error_bar.get_action_area().pack_start(button, False, False, 0)
            self._error_buttons[name] = button
        self.saved = Gtk.Label(name="saved", xalign=0, visible=True)
        recover = Gtk.Button(label=strings.RECOVER, name="recover", visible=True, tooltip_text=strings.RECOVER_TIP)
        recover.connect("clicked", lambda _: self._controller.open_results())
        self._saved_row = Gtk.Box(spacing=8, no_show_all=True)
        self._saved_row.pack_start(self.saved, False, False, 0)
        self._saved_row.pack_start(recover, False, False, 0)
        for part in (self.bar, line, self._error_bar, self._saved_row):
            bottom.pack_start(part, False, False, 0)
        return bottom

    # --- user input ----------------------------------------------------------------------------------
    def is_shown(self) -> bool:
        return bool(self.dialog.is_visible())

    def chosen_styles(self) -> list[Style]:
        return self.gallery.chosen()

    def settings(self) -> StyleSettings:
        return replace(arguments.settings(self._config), composite=False)  # in an editor the selection becomes a mask

    def restore(self, state: UiState) -> None:
        """Shows the styles of the last time, at the place of the last time; GIMP itself restores the settings."""
        place(self.dialog, state.windows.get(PLACE), SIZE)
        try:
            chosen = arguments.chosen(self._config) or state.styles
        except VelaturaError as error:
            chosen = state.styles
            self._controller.show_error(error)
        self.gallery.fill(state, chosen)
        if not chosen:
            self.show_message(strings.NO_STYLE)

    def apply_choices(self, state: UiState, styles: list[Style], settings: StyleSettings) -> None:
        """state: not used, since the gallery shows the used styles already."""
        arguments.set_settings(self._config, replace(settings, composite=False))
        self.gallery.choose(styles)

    def _styles_changed(self) -> None:
        self._updating_config = True
        try:
            arguments.set_styles(self._config, self.chosen_styles())
        finally:
            self._updating_config = False
        self._controller.settings_changed()

    def _config_changed(self, _: Any, param: Any) -> None:
        """A setting has changed, or a preset has been loaded, which includes styles."""
        if self._updating_config:
            return
        if param.name in (arguments.STYLE, arguments.STYLES):
            self._loop.call_later(0, self._choose_configured_styles)  # once the whole preset is loaded
        self._controller.settings_changed()

    def _choose_configured_styles(self) -> None:
        chosen = arguments.chosen(self._config)
        if chosen != self.chosen_styles():
            self.gallery.choose(chosen)

    # --- state ---------------------------------------------------------------------------------------
    def preview_side(self) -> int:
        return self.preview.side()

    def show_target(self, sentence: str) -> None:
        self.target.set_text(sentence)

    def show_original(self, thumbnail: Picture) -> None:
        self.preview.set_original(over_checkerboard(thumbnail))

    def forget_regions(self) -> None:
        self.gallery.forget_regions()

    def show_estimate(self, sentence: str) -> None:
        self.estimate.set_markup(quiet_markup(self.estimate, sentence))

    def show_saved_notice(self, sentence: str) -> None:
        self.saved.set_text(sentence)
        self._saved_row.set_visible(bool(sentence))

    def set_busy(self) -> None:
        if not self._is_busy:
            self.preview.remember()
        self._is_busy = True
        self._pulse.start(PULSE_INTERVAL)
        self._cancel.set_label(f"_{strings.CANCEL}")
        self._set_start_label(strings.START_OVER)

    def set_idle(self) -> None:
        self._is_busy = False
        self._pulse.stop()
        self.bar.set_fraction(0)
        self._cancel.set_label(f"_{strings.CLOSE}")
        self._set_start_label(strings.START)

    def _set_start_label(self, text: str) -> None:
        self._start.set_label(text.replace("e", "_e", 1))

    def show_before(self) -> None:
        self.preview.show_remembered()

    def show_progress(self, progress: Progress) -> None:
        self._pulse.stop()
        self.bar.set_fraction(progress.done)
        self.show_message(strings.progress(progress))

    def show_preview(self, preview: Preview) -> None:
        self.preview.set_preview(preview)

    def show_message(self, sentence: str) -> None:
        self._error_bar.hide()
        self.message.set_text(sentence)

    def show_error(
        self, error: VelaturaError, *, report: bool = True, command: bool = False, document: bool = False
    ) -> None:
        """Shows the error's sentence and the buttons that help."""
        self.message.set_text("")
        self._error_label.set_text(error.sentence)
        self._error_bar.show()
        self._error_bar.get_action_area().show()
        for name, visible in (("copy_report", report), ("copy_command", command), ("open_image", document)):
            self._error_buttons[name].set_visible(visible)

    # --- events --------------------------------------------------------------------------------------
    def _on_key(self, _: Any, event: Any) -> bool:
        """Escape cancels a running restyle; if there is none, it closes the dialog. Enter in a field starts nothing."""
        if event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter) and activates(self.dialog.get_focus()):
            field = self.dialog.get_focus()
            if isinstance(field, Gtk.SpinButton):
                field.update()  # reads what was typed
            return True
        if event.keyval == Gdk.KEY_Escape and self._controller.is_busy:
            self._controller.cancel()
            return True
        return False

    def _on_close(self, *_: object) -> bool:
        self.closing = True
        return False
