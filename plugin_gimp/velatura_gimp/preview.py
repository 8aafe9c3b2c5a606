"""The preview area: the picture before and after, which can be zoomed, moved and compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk

from velatura import strings
from velatura.editor.preview_model import Layer, Mode, PreviewModel
from velatura.editor.viewport import Viewport
from velatura.editor.window_place import Box
from velatura.protocol.messages import Preview

from .desktop import HAS_CAIRO, frame_colours, show_pixels
from .styles import as_pixbuf

ARROWS = {Gdk.KEY_Left: "left", Gdk.KEY_Right: "right", Gdk.KEY_Up: "up", Gdk.KEY_Down: "down"}
CURSORS = {"split": "ew-resize", "hand": "grab", "pan": "grabbing", "": "default"}
HANDLE = (7, 36)  # pixels, of the middle of the split line
DARK, LIGHT = (40, 40, 40), (245, 245, 245)
DOUBLE_CLICK = Gdk.EventType.DOUBLE_BUTTON_PRESS


class PreviewArea(Gtk.Layout):  # type: ignore[misc]
    """Shows the preview. Boxes are in the content's pixels; images are pixbufs of any size.

    A Gtk.Layout requests no space for its contents, so that the dialog can be made smaller again. Nothing here needs
    cairo, which GIMP's Python may lack: what is visible is composed as one pixbuf.
    """

    def __init__(self) -> None:
        super().__init__(hexpand=True, vexpand=True, can_focus=True)
        self.set_name("preview")
        self.set_size_request(160, 96)
        self.get_accessible().set_name(strings.PREVIEW_NAME)
        self._model = PreviewModel(
            lambda image: (image.get_width(), image.get_height()), self._redraw, self._tell_view_changed
        )
        self._view_listeners: list[Callable[[], None]] = []
        self._redraw_waits = False
        self._image = Gtk.Image()
        self.put(self._image, 0, 0)
        self.add_events(
            Gdk.EventMask.BUTTON_PRESS_MASK
            | Gdk.EventMask.BUTTON_RELEASE_MASK
            | Gdk.EventMask.POINTER_MOTION_MASK
            | Gdk.EventMask.SCROLL_MASK
            | Gdk.EventMask.SMOOTH_SCROLL_MASK
            | Gdk.EventMask.FOCUS_CHANGE_MASK
        )
        for name, handler in (
            ("button-press-event", self._on_press),
            ("button-release-event", self._on_release),
            ("motion-notify-event", self._on_motion),
            ("scroll-event", self._on_scroll),
            ("key-press-event", self._on_key),
            ("key-release-event", self._on_key_release),
            ("focus-in-event", self._on_focus),
            ("focus-out-event", self._on_focus),
            ("size-allocate", lambda *_: self._redraw()),
            ("style-updated", lambda *_: self._redraw()),
        ):
            self.connect(name, handler)

    # --- pictures --------------------------------------------------------------------------------------
    @property
    def shown(self) -> Any:
        """The small picture that is shown, or None."""
        return self._model.shown

    @property
    def has_preview(self) -> bool:
        return self._model.has_preview

    def side(self) -> int:
        """How many pixels the longer side of a picture should have."""
        return int(max(self.get_allocated_width(), self.get_allocated_height(), 400) * self.get_scale_factor())

    def set_content_size(self, width: int, height: int) -> None:
        """Sets the size of the content in its own pixels. Another one than before resets the zoom to fit."""
        self._model.set_content_size(width, height)

    def set_original(self, pixbuf: Any) -> None:
        """Sets the original, and removes the last preview."""
        self._model.set_original(pixbuf)

    def update_original(self, pixbuf: Any) -> None:
        """Sets the original; the last preview stays."""
        self._model.update_original(pixbuf)

    def set_preview(self, preview: Preview) -> None:
        self.set_picture(as_pixbuf(preview.width, preview.height, 3, preview.data))

    def set_picture(self, pixbuf: Any) -> None:
        """Sets a finished draft as the preview."""
        self._model.set_preview(pixbuf)

    def remember(self) -> None:
        """Remembers what is shown, for `show_remembered`."""
        self._model.remember()

    def show_remembered(self) -> None:
        """Shows what was shown when `remember` was called: the original, or the preview of an earlier restyle."""
        self._model.show_remembered()

    # --- detail ----------------------------------------------------------------------------------------
    def detail_wanted(self) -> Box | None:
        """The visible part of the content, if one of the pictures has too few pixels at this zoom."""
        return self._model.detail_wanted()

    def original_detail_wanted(self) -> Box | None:
        """The same for the original alone, which may be shown at any time."""
        return self._model.original_detail_wanted()

    def preview_detail_wanted(self) -> Box | None:
        """The same for the preview alone; None if only the original is shown."""
        return self._model.preview_detail_wanted()

    def set_original_detail(self, box: Box, pixbuf: Any) -> None:
        """Sets a part of the original with all pixels. It is dropped when another original is set."""
        self._model.set_original_detail(box, pixbuf)

    def set_preview_detail(self, box: Box, pixbuf: Any) -> None:
        """Sets a part of the preview with all pixels. It is dropped when another preview is set."""
        self._model.set_preview_detail(box, pixbuf)

    # --- the view --------------------------------------------------------------------------------------
    def on_view_changed(self, callback: Callable[[], None]) -> None:
        """Calls back when another part of the picture is visible, or another picture; see `detail_wanted`."""
        self._view_listeners.append(callback)

    def _tell_view_changed(self) -> None:
        for callback in self._view_listeners:
            callback()

    @property
    def viewport(self) -> Viewport:
        """Zoom and position, to look at; change them with the methods below."""
        return self._model.viewport

    @property
    def mode(self) -> Mode:
        return self._model.mode

    def set_mode(self, mode: Mode) -> None:
        """Shows the picture before, the one after, or both with a line between them."""
        self._model.set_mode(mode)

    def fit(self) -> None:
        self._model.fit()

    def one_to_one(self) -> None:
        self._model.one_to_one()

    def zoom_steps(self, steps: float) -> None:
        """Zooms by so many notches of the wheel."""
        self._model.zoom_steps(steps)

    # --- drawing ---------------------------------------------------------------------------------------
    @property
    def _factor(self) -> int:
        """Device pixels per pixel of GTK."""
        return int(self.get_scale_factor()) if HAS_CAIRO else 1

    def _redraw(self) -> None:
        """Draws soon; several changes at once are drawn once."""
        if not self._redraw_waits:
            self._redraw_waits = True
            GLib.idle_add(self._draw, priority=GLib.PRIORITY_HIGH_IDLE)

    def _draw(self) -> bool:
        self._redraw_waits = False
        width, height = self.get_allocated_width() * self._factor, self.get_allocated_height() * self._factor
        if min(width, height) > 1:  # GTK has given it a place
            self._redraw_waits = True  # what changes now is drawn now
            self._model.set_area(width, height, self._factor)
            self._redraw_waits = False
            canvas = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, width, height)
            surround, highlight = frame_colours(self)
            _fill(canvas, 0, 0, width, height, surround)
            for layer in self._model.layers():
                _draw_layer(canvas, layer)
            self._draw_split(canvas)
            if self.has_focus():
                for x, y, w, h in ((0, 0, width, 1), (0, height - 1, width, 1), (0, 0, 1, height)):
                    _fill(canvas, x, y, w, h, highlight)
                _fill(canvas, width - 1, 0, 1, height, highlight)
            show_pixels(self._image, canvas, self._factor)
        self._update_cursor()
        return bool(GLib.SOURCE_REMOVE)

    def _draw_split(self, canvas: Any) -> None:
        """A light line between two dark ones, which can be seen on every picture, with a handle."""
        x = self._model.split_at()
        if x is None:
            return
        unit, height = self._factor, canvas.get_height()
        _fill(canvas, x - 2 * unit, 0, 4 * unit, height, DARK)
        width, tall = HANDLE[0] * unit, HANDLE[1] * unit
        top = (height - tall) // 2
        _fill(canvas, x - width // 2 - unit, top - unit, width + 2 * unit, tall + 2 * unit, DARK)
        _fill(canvas, x - unit, 0, 2 * unit, height, LIGHT)
        _fill(canvas, x - width // 2, top, width, tall, LIGHT)

    # --- events ----------------------------------------------------------------------------------------
    def _on_press(self, _: Any, event: Any) -> bool:
        self.grab_focus()
        if event.type == DOUBLE_CLICK and event.button == Gdk.BUTTON_PRIMARY:
            self._model.double_press(*self._position(event))
        elif event.type == Gdk.EventType.BUTTON_PRESS and event.button in (Gdk.BUTTON_PRIMARY, Gdk.BUTTON_MIDDLE):
            self._model.press(*self._position(event))
        self._update_cursor(self._position(event)[0])
        return True

    def _on_release(self, _: Any, event: Any) -> bool:
        self._model.release()
        self._update_cursor(self._position(event)[0])
        return True

    def _on_motion(self, _: Any, event: Any) -> bool:
        self._model.move(*self._position(event))
        self._update_cursor(self._position(event)[0])
        return True

    def _on_scroll(self, _: Any, event: Any) -> bool:
        if event.direction == Gdk.ScrollDirection.SMOOTH:
            steps = -event.get_scroll_deltas()[2]
        else:
            steps = {Gdk.ScrollDirection.UP: 1.0, Gdk.ScrollDirection.DOWN: -1.0}.get(event.direction, 0.0)
        if steps:
            self._model.zoom_steps(steps, *self._position(event))
        return True

    def _on_key(self, _: Any, event: Any) -> bool:
        return self._model.press_key(_key(event))

    def _on_key_release(self, _: Any, event: Any) -> bool:
        return self._model.release_key(_key(event))

    def _on_focus(self, _: Any, event: Any) -> bool:
        if not getattr(event, "in_", False):
            self._model.release()
        self._redraw()
        return False

    def _position(self, event: Any) -> tuple[float, float]:
        """The position of the pointer in device pixels."""
        return event.x * self._factor, event.y * self._factor

    def _update_cursor(self, x: float = -1.0) -> None:
        window = self.get_bin_window() if self.get_realized() else None
        if window is not None:
            window.set_cursor(Gdk.Cursor.new_from_name(self.get_display(), CURSORS[self._model.cursor(x)]))


def _draw_layer(canvas: Any, layer: Layer) -> None:
    interpolation = GdkPixbuf.InterpType.BILINEAR if layer.smooth else GdkPixbuf.InterpType.NEAREST
    place = (*layer.clip, layer.left, layer.top, layer.x_scale, layer.y_scale)
    if layer.image.get_has_alpha():
        layer.image.composite(canvas, *place, interpolation, 255)
    else:
        layer.image.scale(canvas, *place, interpolation)


def _fill(canvas: Any, x: int, y: int, width: int, height: int, colour: tuple[int, int, int]) -> None:
    left, top = max(0, x), max(0, y)
    width, height = min(x + width, canvas.get_width()) - left, min(y + height, canvas.get_height()) - top
    if width > 0 and height > 0:
        red, green, blue = colour
        canvas.new_subpixbuf(left, top, width, height).fill(red << 24 | green << 16 | blue << 8 | 255)


def _key(event: Any) -> str:
    if event.state & (Gdk.ModifierType.CONTROL_MASK | Gdk.ModifierType.MOD1_MASK):
        return ""
    return ARROWS.get(event.keyval) or str(event.string or "")
