"""What Qt says of the screen and the theme, and what widgets have in common: place, colours, wheel, names."""

from __future__ import annotations

import html
from typing import Any

from velatura.editor.colours import Rgb, error_colour, quiet_colour
from velatura.editor.window_place import Box, fit

from .qt import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QEvent,
    QLabel,
    QObject,
    QPalette,
    QPixmap,
    QPoint,
    QSize,
    QSlider,
    Qt,
    QWidget,
)


# --- where a window opens ------------------------------------------------------------------------------
def place(window: QWidget, wanted: Box | None, size: tuple[int, int]) -> None:
    """Moves a window to where it fits on its screen. wanted: where it was the last time, or None."""
    screen = QApplication.screenAt(_middle_of(wanted)) if wanted is not None else None
    screen = screen or (window.parentWidget() or window).screen() or QApplication.primaryScreen()
    free = screen.availableGeometry()
    window.setGeometry(*fit(wanted, size, Box(free.x(), free.y(), free.width(), free.height())))


def _middle_of(box: Box) -> QPoint:
    return QPoint(box.left + box.width // 2, box.top + box.height // 2)


def place_of(window: QWidget) -> Box:
    where = window.geometry()
    return Box(where.x(), where.y(), where.width(), where.height())


# --- colours -------------------------------------------------------------------------------------------
def style_error(label: QLabel) -> None:
    """Gives a label a warning colour that is readable on its background."""
    _set_text_colour(label, error_colour(_rgb(_palette(label).color(QPalette.ColorRole.Window))))


def style_quiet(label: QLabel) -> None:
    """Gives a label a colour between its text and its background that is still readable."""
    palette = _palette(label)
    text, background = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
    _set_text_colour(label, quiet_colour(_rgb(text), _rgb(background)))


def style_plain(label: QLabel) -> None:
    label.setStyleSheet("")


def _palette(label: QLabel) -> QPalette:
    """The palette of the window: the label's own may have been changed by a style sheet."""
    return label.window().palette()


def _rgb(colour: Any) -> Rgb:
    return colour.red(), colour.green(), colour.blue()


def _set_text_colour(label: QLabel, colour: Rgb) -> None:
    label.setStyleSheet("color: #{:02x}{:02x}{:02x};".format(*colour))


# --- pictures on sharp screens ---------------------------------------------------------------------------
def in_device_pixels(widget: QWidget, size: QSize) -> QSize:
    """The size in the pixels of the widget's screen, of which there are more than Qt counts on a sharp one."""
    return size * widget.devicePixelRatioF()


def sharp(pixmap: QPixmap, widget: QWidget) -> QPixmap:
    """Marks a pixmap as one in the pixels of the widget's screen."""
    pixmap.setDevicePixelRatio(widget.devicePixelRatioF())
    return pixmap


# --- texts from strangers ----------------------------------------------------------------------------------
# Names of layers, files and presets come from anywhere. Qt would take a text with tags for HTML, and load its images.
def plain_label() -> QLabel:
    """A label that shows every text as it is."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def plain_tip(text: str) -> str:
    """A text for a tooltip, which is shown as it is."""
    return f"<qt>{html.escape(text)}</qt>".replace("\n", "<br>") if "<" in text else text


def plain_action(text: str) -> str:
    """A text for a button or a menu, which is shown as it is: an & would mark the next letter as a key."""
    return text.replace("&", "&&")


# --- widgets -------------------------------------------------------------------------------------------
class WheelGuard(QObject):
    """Keeps the mouse wheel from changing a control that has no focus: people only want to scroll past it."""

    def eventFilter(self, watched: Any, event: Any) -> bool:
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()  # goes to the parent, which scrolls
            return True
        return False

    def watch(self, parent: QWidget) -> None:
        """Watches a control, or all controls inside a widget."""
        for kind in (QComboBox, QSlider, QAbstractSpinBox):
            for control in [*parent.findChildren(kind), *([parent] if isinstance(parent, kind) else [])]:
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # by a click or Tab, not by the wheel
                control.installEventFilter(self)
