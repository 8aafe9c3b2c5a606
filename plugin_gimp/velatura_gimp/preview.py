"""The preview area: shows the original, then the latest preview; while the mouse button is held down, the original."""

from __future__ import annotations

from typing import Any

from gi.repository import Gdk, GLib, Gtk

from velatura import strings
from velatura.protocol.messages import Preview

from .desktop import show_scaled
from .styles import as_pixbuf

MARGIN = 8  # pixels


class PreviewArea(Gtk.Layout):  # type: ignore[misc]
    """Shows an image, scaled to fit with its aspect ratio kept.

    A Gtk.Layout requests no space for its contents, so that the dialog can be made smaller again. Nothing here needs
    cairo, which GIMP's Python may lack.
    """

    def __init__(self) -> None:
        super().__init__(hexpand=True, vexpand=True)
        self.set_name("preview")
        self.set_size_request(160, 120)
        self.get_accessible().set_name(strings.PREVIEW_NAME)
        self._original: Any = None
        self._preview: Any = None
        self._remembered: Any = None
        self._showing_original = False
        self._fitted: tuple[Any, int, int] | None = None
        self._image = Gtk.Image()
        self.put(self._image, 0, 0)
        self.add_events(Gdk.EventMask.BUTTON_PRESS_MASK | Gdk.EventMask.BUTTON_RELEASE_MASK)
        self.connect("button-press-event", lambda *_: self._compare(True))
        self.connect("button-release-event", lambda *_: self._compare(False))
        self.connect("size-allocate", lambda *_: GLib.idle_add(self._fit))

    @property
    def shown(self) -> Any:
        return self._original if self._showing_original or self._preview is None else self._preview

    @property
    def has_preview(self) -> bool:
        return self._preview is not None

    def side(self) -> int:
        return int(max(self.get_allocated_width(), self.get_allocated_height(), 400) * self.get_scale_factor())

    def remember(self) -> None:
        """Remembers what is shown, for `show_remembered`."""
        self._remembered = self._preview

    def show_remembered(self) -> None:
        """Shows what was shown when `remember` was called: the original, or the preview of an earlier restyle."""
        self._preview = self._remembered
        self.set_tooltip_text("" if self._preview is None else strings.PREVIEW_TIP)
        self._fit()

    def set_original(self, pixbuf: Any) -> None:
        """Sets the original, and removes the last preview."""
        self._original, self._preview, self._remembered = pixbuf, None, None
        self.set_tooltip_text("")
        self._fit()

    def set_preview(self, preview: Preview) -> None:
        self._preview = as_pixbuf(preview.width, preview.height, 3, preview.data)
        self.set_tooltip_text(strings.PREVIEW_TIP)
        self._fit()

    def _compare(self, original: bool) -> bool:
        self._showing_original = original
        self._fit()
        return True

    def _fit(self) -> bool:
        shown, width, height = self.shown, self.get_allocated_width(), self.get_allocated_height()
        if shown is not None and (shown, width, height) != self._fitted and min(width, height) > 4 * MARGIN:
            self._fitted = (shown, width, height)
            scale = min((width - 2 * MARGIN) / shown.get_width(), (height - 2 * MARGIN) / shown.get_height())
            size = max(1, round(shown.get_width() * scale)), max(1, round(shown.get_height() * scale))
            show_scaled(self._image, shown, *size)
            self.move(self._image, (width - size[0]) // 2, (height - size[1]) // 2)
        return bool(GLib.SOURCE_REMOVE)
