"""The dialog: what is restyled, with what, how it goes. It knows no daemon; the knobs are GIMP's own widgets."""

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
from .gallery import Gallery
from .preview import PreviewArea
from .styles import over_checks

KNOBS_HEIGHT = 210  # pixels, of those that are always seen
PULSE_EVERY = 120  # ms, while it is not known yet how far


class Window:
    """Shows what the controller says, and tells the controller what the person does."""

    def __init__(self, procedure: Any, config: Any, image: Any, places: AppDirs, loop: Loop, controller: Any) -> None:
        self._config, self._controller, self._loop = config, controller, loop
        self._writing = False  # the configuration is being written from the gallery
        self.closing = False
        self.dialog = GimpUi.ProcedureDialog.new(procedure, config, strings.TITLE)
        self.dialog.set_name("velatura")
        self.dialog.set_ok_label(strings.START.replace("e", "_e", 1))
        self._cancel = self.dialog.get_widget_for_response(Gtk.ResponseType.CANCEL)
        self.preview = PreviewArea()
        self.gallery = Gallery(places, loop, image, self._styles_changed, controller.show_error)
        self.controls = Controls(self.dialog, config)
        self._pulse = loop.timer(lambda: self.bar.pulse())
        content = self.dialog.get_content_area()
        content.set_spacing(8)
        content.pack_start(self._middle(), True, True, 0)
        content.pack_start(self._bottom(), False, False, 0)
        content.show_all()
        self._trouble.hide()
        self.dialog.connect("key-press-event", self._on_key)
        self.dialog.connect("delete-event", self._on_close)
        self.dialog.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
        self.dialog.drag_dest_add_uri_targets()
        self.dialog.connect("drag-data-received", lambda _, __, ___, ____, data, *_____: self.gallery.take_drop(data))
        config.connect("notify", self._config_changed)
        self.set_idle()
        self.dialog.set_default_size(1000, 740)

    # --- the parts -----------------------------------------------------------------------------------
    def _middle(self) -> Any:
        self.target = Gtk.Label(name="target", xalign=0)
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        left.pack_start(self.preview, True, True, 0)
        left.pack_start(self.target, False, False, 0)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8, hexpand=False)
        right.pack_start(Gtk.Label(label=f"<b>{strings.STYLE}</b>", use_markup=True, xalign=0), False, False, 0)
        right.pack_start(self.gallery, True, True, 0)
        right.pack_start(Gtk.Separator(), False, False, 0)
        # Unfolded, the knobs are taller than a small screen: they scroll, and the dialog's buttons stay in sight.
        setting_specs = Gtk.ScrolledWindow(
            hscrollbar_policy=Gtk.PolicyType.NEVER, propagate_natural_height=True, min_content_height=KNOBS_HEIGHT
        )
        setting_specs.add(self.controls)
        right.pack_start(setting_specs, False, True, 0)
        middle = Gtk.Box(spacing=14)
        middle.pack_start(left, True, True, 0)
        middle.pack_start(right, False, False, 0)
        return middle

    def _bottom(self) -> Any:
        bottom = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.bar = Gtk.ProgressBar(name="bar")
        self.message = Gtk.Label(name="message", xalign=0, wrap=True, selectable=True)
        self.estimate = Gtk.Label(name="estimate", xalign=1, wrap=True)
        self.estimate.get_style_context().add_class("dim-label")  # quiet: it says what is likely, not what is
        line = Gtk.Box(spacing=12)
        line.pack_start(self.message, True, True, 0)
        line.pack_end(self.estimate, False, False, 0)
        self._trouble = Gtk.InfoBar(message_type=Gtk.MessageType.WARNING, no_show_all=True)
        self._sentence = Gtk.Label(xalign=0, wrap=True, selectable=True, visible=True, name="error")
        self._trouble.get_content_area().pack_start(self._sentence, True, True, 0)
        self._offers = {}
        for text, name, do in (
            (strings.COPY_REPORT, "copy_report", self._controller.copy_report),
            (strings.COPY_COMMAND, "copy_command", self._controller.copy_command),
            (strings.OPEN_AS_PICTURE, "open_picture", self._controller.open_as_picture),
        ):
            button = Gtk.Button(label=text, name=name)
            button.connect("clicked", lambda _, do=do: do())
            self._trouble.get_action_area().pack_start(button, False, False, 0)
            self._offers[name] = button
        self.kept = Gtk.Label(name="kept", xalign=0, visible=True)
        recover = Gtk.Button(label=strings.RECOVER, name="recover", visible=True)
        recover.connect("clicked", lambda _: self._controller.open_results())
        self._kept_line = Gtk.Box(spacing=8, no_show_all=True)
        self._kept_line.pack_start(self.kept, False, False, 0)
        self._kept_line.pack_start(recover, False, False, 0)
        for part in (self.bar, line, self._trouble, self._kept_line):
            bottom.pack_start(part, False, False, 0)
        return bottom

    # --- what is set ---------------------------------------------------------------------------------
    def is_shown(self) -> bool:
        return bool(self.dialog.is_visible())

    def chosen_styles(self) -> list[Style]:
        return self.gallery.chosen()

    def settings(self) -> StyleSettings:
        return replace(arguments.settings(self._config), composite=False)  # here the selection becomes a mask

    def set_up(self, ui_state: UiState) -> None:
        """Show what was set the last time."""
        try:
            chosen = arguments.chosen(self._config) or ui_state.styles
        except VelaturaError as error:
            chosen = ui_state.styles
            self._controller.show_error(error)
        self.gallery.fill(ui_state.recent, chosen)
        if not chosen:
            self.show_message(strings.NO_STYLE)

    def apply_choices(self, recent: list[Style], styles: list[Style], settings: StyleSettings) -> None:
        """recent: shown already, or not needed now."""
        arguments.set_knobs(self._config, replace(settings, composite=False))
        self.gallery.choose(styles)

    def _styles_changed(self) -> None:
        self._writing = True
        try:
            arguments.choose(self._config, self.chosen_styles())
        finally:
            self._writing = False
        self._controller.settings_changed()

    def _config_changed(self, _: Any, what: Any) -> None:
        """A knob, or a preset that brings styles too."""
        if self._writing:
            return
        if what.name in (arguments.STYLE, arguments.STYLES):
            self._loop.call_later(0, self._take_over_styles)  # when all of a preset is there
        self._controller.settings_changed()

    def _take_over_styles(self) -> None:
        chosen = arguments.chosen(self._config)
        if chosen != self.chosen_styles():
            self.gallery.choose(chosen)

    # --- what goes on --------------------------------------------------------------------------------
    def preview_side(self) -> int:
        return self.preview.side()

    def show_target(self, sentence: str) -> None:
        self.target.set_text(sentence)

    def show_original(self, thumbnail: Picture) -> None:
        self.preview.set_before(over_checks(thumbnail))

    def forget_regions(self) -> None:
        self.gallery.forget_regions()

    def show_estimate(self, sentence: str) -> None:
        self.estimate.set_text(sentence)

    def show_saved_notice(self, sentence: str) -> None:
        self.kept.set_text(sentence)
        self._kept_line.set_visible(bool(sentence))

    def set_busy(self) -> None:
        self._pulse.start(PULSE_EVERY)
        self._cancel.set_label(f"_{strings.CANCEL}")

    def set_idle(self) -> None:
        self._pulse.stop()
        self.bar.set_fraction(0)
        self._cancel.set_label(f"_{strings.CLOSE}")

    def show_progress(self, progress: Progress) -> None:
        self._pulse.stop()
        self.bar.set_fraction(progress.done)
        self.show_message(strings.progress(progress))

    def show_preview(self, preview: Preview) -> None:
        self.preview.set_preview(preview)

    def show_message(self, sentence: str) -> None:
        self._trouble.hide()
        self.message.set_text(sentence)

    def show_error(self, error: VelaturaError, *, command: bool = False, document: bool = False) -> None:
        """The sentence, and what to do about it in reach."""
        self.message.set_text("")
        self._sentence.set_text(error.sentence)
        self._trouble.show()
        self._trouble.get_action_area().show()
        for name, offered in (("copy_report", True), ("copy_command", command), ("open_picture", document)):
            self._offers[name].set_visible(offered)

    # --- events --------------------------------------------------------------------------------------
    def _on_key(self, _: Any, event: Any) -> bool:
        """Escape stops what is in work; only then it closes."""
        if event.keyval == Gdk.KEY_Escape and self._controller.is_busy:
            self._controller.cancel()
            return True
        return False

    def _on_close(self, *_: object) -> bool:
        self.closing = True
        return False
