"""The dialog: the target, the styles, the settings and the progress. It does not use the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gi.repository import Gdk, GimpUi, GLib, Gtk, Pango

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.event_loop import Loop
from velatura.editor.frames import FrameChoice
from velatura.editor.ui_state import Style, UiState
from velatura.editor.window_place import Box
from velatura.errors import VelaturaError
from velatura.i18n import translated
from velatura.pixels import Picture
from velatura.presets.store import PresetStore
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

from . import arguments
from .controls import Controls
from .desktop import activates, guard_wheel, place, quiet_markup
from .frame_row import FrameRow
from .gallery import Gallery
from .mnemonics import with_mnemonic
from .preset_bar import PresetBar
from .preview import PreviewArea
from .preview_bar import PreviewBar
from .styles import over_checkerboard

SIZE = (1000, 740)  # pixels, if the screen has room
PLACE = "restyle"  # the name under which the place of the window is remembered
START_KEY = "e"  # GIMP's own buttons of the dialog have the other letters of its English text
PULSE_INTERVAL = 120  # ms, of the progress bar before the first progress


class Window:
    """Shows the state, and calls the controller for each request of the user."""

    def __init__(self, procedure: Any, config: Any, image: Any, dirs: AppDirs, loop: Loop, controller: Any) -> None:
        self._config, self._controller, self._loop = config, controller, loop
        self._updating_config = False  # from the gallery
        self.closing = False
        self.dialog = GimpUi.ProcedureDialog.new(procedure, config, translated(strings.TITLE))
        self.dialog.set_name("velatura")
        self._start = self.dialog.get_widget_for_response(Gtk.ResponseType.OK)
        self._cancel = self.dialog.get_widget_for_response(Gtk.ResponseType.CANCEL)
        self.preview = PreviewArea()
        self.gallery = Gallery(
            dirs, loop, image, self._styles_changed, controller.show_error, self.show_message, controller
        )
        self.controls = Controls(self.dialog, config)
        self.presets = PresetBar(
            PresetStore.of(dirs), self._picture_for_preset, self._set_settings, self.show_message, self._show_failure
        )
        self._pulse = loop.timer(lambda: self.bar.pulse())
        content = self.dialog.get_content_area()
        content.set_spacing(8)
        content.pack_start(self._middle(), True, True, 0)
        content.pack_start(self._bottom(), False, False, 0)
        content.show_all()
        self._error_bar.hide()
        self.dialog.connect("key-press-event", self._on_key)
        self.dialog.connect("delete-event", self._on_close)
        self.gallery.sources.accept_drops(self.dialog)
        self.dialog.connect("focus-in-event", lambda *_: self.presets.reload())
        config.connect("notify", self._config_changed)
        self._is_busy = False
        self.set_idle()
        guard_wheel(self.controls)
        guard_wheel(self.presets)
        self.presets.set_settings(self.settings())

    # --- layout --------------------------------------------------------------------------------------
    def _middle(self) -> Any:
        self.target = Gtk.Label(name="target", xalign=0)
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        left.pack_start(self.preview, True, True, 0)
        left.pack_start(PreviewBar(self.preview), False, False, 0)
        self.drafting = Gtk.Label(name="drafting")
        self.drafts = Gtk.CheckButton(label=strings.DRAFTS, name="drafts", tooltip_text=strings.DRAFTS_TIP)
        self.drafts.connect("toggled", lambda box: self._controller.enable_drafts(box.get_active()))
        self.preview.on_view_changed(self._controller.view_changed)
        below = Gtk.Box(spacing=8)
        self.target.set_ellipsize(Pango.EllipsizeMode.MIDDLE)
        below.pack_start(self.target, True, True, 0)
        below.pack_start(self.drafting, False, False, 0)
        below.pack_start(self.drafts, False, False, 0)
        left.pack_start(below, False, False, 0)
        self.frames = FrameRow()
        left.pack_start(self.frames, False, False, 0)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8, hexpand=False, margin_end=8)
        heading = Gtk.Label(label=f"<b>{GLib.markup_escape_text(strings.STYLE)}</b>", use_markup=True, xalign=0)
        heading.set_mnemonic_widget(self.gallery.view)
        right.pack_start(heading, False, False, 0)
        right.pack_start(self.gallery, True, True, 0)
        right.pack_start(Gtk.Separator(), False, False, 0)
        right.pack_start(self._preset_row(), False, False, 0)
        right.pack_start(self.controls, False, False, 0)
        # The whole column is taller than a small screen: it scrolls, so that the dialog's buttons stay visible.
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        scrolled.add(right)
        middle = Gtk.Box(spacing=14)
        middle.pack_start(left, True, True, 0)
        middle.pack_start(scrolled, False, False, 0)
        return middle

    def _preset_row(self) -> Any:
        row = Gtk.Box(spacing=12)
        label = Gtk.Label(label=strings.PRESET, xalign=0, tooltip_text=strings.PRESET_TIP)
        label.set_mnemonic_widget(self.presets.combo)
        row.pack_start(label, False, False, 0)
        row.pack_start(self.presets, True, True, 0)
        return row

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
        self.saved = Gtk.Label(name="saved", xalign=0, wrap=True, visible=True)
        recover = Gtk.Button(label=strings.RECOVER, name="recover", visible=True, tooltip_text=strings.RECOVER_TIP)
        recover.connect("clicked", lambda _: self._controller.open_results())
        self._saved_row = Gtk.Box(spacing=8, no_show_all=True)
        self._saved_row.pack_start(self.saved, False, False, 0)
        self._saved_row.pack_start(recover, False, False, 0)
        self.grey = Gtk.Label(name="grey", xalign=0, wrap=True, visible=True)
        convert = Gtk.Button(
            label=strings.CONVERT_TO_RGB, name="convert", visible=True, tooltip_text=strings.CONVERT_TO_RGB_TIP
        )
        convert.connect("clicked", lambda _: self._controller.convert_to_rgb())
        self._grey_row = Gtk.Box(spacing=8, no_show_all=True)
        self._grey_row.pack_start(self.grey, False, False, 0)
        self._grey_row.pack_start(convert, False, False, 0)
        for part in (self.bar, line, self._error_bar, self._grey_row, self._saved_row):
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
        self.drafts.set_active(state.drafts)
        try:
            chosen = arguments.chosen(self._config) or state.styles
        except VelaturaError as error:
            chosen = state.styles
            self._controller.show_error(error)
        self.gallery.fill(state, chosen)
        if not chosen:
            self._controller.show_hint(strings.NO_STYLE)

    def apply_choices(self, state: UiState, styles: list[Style], settings: StyleSettings) -> None:
        """state: not used, since the gallery shows the used styles already."""
        self._set_settings(settings)
        self.gallery.choose(styles)

    def _set_settings(self, settings: StyleSettings) -> None:
        arguments.set_settings(self._config, replace(settings, composite=False))

    def _picture_for_preset(self) -> Any:
        return self.preview.shown if self.preview.has_preview else None

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
        self.presets.set_settings(self.settings())
        self._controller.settings_changed()

    def _choose_configured_styles(self) -> None:
        chosen = arguments.chosen(self._config)
        if chosen != self.chosen_styles():
            self.gallery.choose(chosen)

    # --- state ---------------------------------------------------------------------------------------
    def preview_side(self) -> int:
        return self.preview.side()

    def show_target(self, sentence: str) -> None:
        self.target.set_text(translated(sentence))
        self.target.set_tooltip_text(translated(sentence) or None)

    def show_frames(self, times: Sequence[int], now: int) -> None:
        """now: not used, since the layers beside the chosen one are the same frames."""
        self.frames.show_frames(times)

    def frame_choice(self) -> FrameChoice:
        return self.frames.choice()

    def show_original(self, thumbnail: Picture, size: tuple[int, int]) -> None:
        self.preview.set_content_size(*size)
        self.preview.set_original(over_checkerboard(thumbnail))

    def show_content(self, picture: Picture, size: tuple[int, int]) -> None:
        self.preview.set_content_size(*size)
        self.preview.update_original(over_checkerboard(picture))

    def show_draft(self, picture: Picture) -> None:
        self.preview.set_picture(over_checkerboard(picture))

    def detail_wanted(self) -> Box | None:
        return self.preview.detail_wanted()

    def show_detail(self, part: Box, original: Picture | None, draft: Picture | None) -> None:
        if original is not None:
            self.preview.set_original_detail(part, over_checkerboard(original))
        if draft is not None:
            self.preview.set_preview_detail(part, over_checkerboard(draft))

    def show_drafting(self, drafting: bool) -> None:
        self.drafting.set_text(strings.DRAFTING if drafting else "")

    def forget_regions(self) -> None:
        self.gallery.forget_regions()

    def show_estimate(self, sentence: str) -> None:
        self.estimate.set_markup(quiet_markup(self.estimate, translated(sentence)))

    def show_grey_note(self, sentence: str) -> None:
        self.grey.set_text(translated(sentence))
        self._grey_row.set_visible(bool(sentence))

    def show_saved_notice(self, sentence: str) -> None:
        self.saved.set_text(translated(sentence))
        self._saved_row.set_visible(bool(sentence))

    def set_busy(self) -> None:
        if not self._is_busy:
            self.preview.remember()
        self._is_busy = True
        self._pulse.start(PULSE_INTERVAL)
        self._cancel.set_label(with_mnemonic(strings.CANCEL)[0])
        self._set_start_label(strings.START_OVER)

    def set_idle(self) -> None:
        self._is_busy = False
        self._pulse.stop()
        self.bar.set_fraction(0)
        self._cancel.set_label(with_mnemonic(strings.CLOSE)[0])
        self._set_start_label(strings.START)

    def _set_start_label(self, text: str) -> None:
        self._start.set_label(with_mnemonic(text, wanted=START_KEY)[0])

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
        self.message.set_text(translated(sentence))

    def show_error(
        self, error: VelaturaError, *, report: bool = True, command: bool = False, document: bool = False
    ) -> None:
        """Shows the error's sentence and the buttons that help."""
        self.message.set_text("")
        self._error_label.set_text(error.local_sentence)
        self._error_bar.show()
        self._error_bar.get_action_area().show()
        for name, visible in (("copy_report", report), ("copy_command", command), ("open_image", document)):
            self._error_buttons[name].set_visible(visible)

    def _show_failure(self, error: VelaturaError) -> None:
        self.show_error(error, report=False)

    # --- events --------------------------------------------------------------------------------------
    def _on_key(self, _: Any, event: Any) -> bool:
        """Escape cancels a running restyle; if there is none, it closes the dialog. Enter in a field starts nothing."""
        if event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter) and activates(self.dialog.get_focus()):
            field = self.dialog.get_focus()
            if isinstance(field, Gtk.SpinButton):
                field.update()  # reads what was typed
            return True
        if event.keyval == Gdk.KEY_Escape and self._controller.is_busy and not self.gallery.is_searching():
            self._controller.cancel()
            return True
        return self.gallery.on_key(event)

    def _on_close(self, *_: object) -> bool:
        self.closing = True
        return False
