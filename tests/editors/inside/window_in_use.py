"""Uses the plugin's window without Krita, with the given Qt, and prints what was seen as JSON.

argv: the Qt; a folder with pictures; Krita's themes (*.colors).
"""

import configparser
import importlib
import json
import sys
import zipfile
from pathlib import Path

QT, FOLDER, *THEMES = sys.argv[1:]
importlib.import_module(f"{QT}.QtCore")
QtWidgets = importlib.import_module(f"{QT}.QtWidgets")
QtGui = importlib.import_module(f"{QT}.QtGui")
QtCore = importlib.import_module(f"{QT}.QtCore")
QtTest = importlib.import_module(f"{QT}.QtTest")
app = QtWidgets.QApplication([])

from velatura_krita.desktop import place, place_of, plain_tip  # noqa: E402
from velatura_krita.panel import Panel  # noqa: E402
from velatura_krita.styles import read_image  # noqa: E402
from velatura_krita.window import SIZE, Window  # noqa: E402

from velatura.app_dirs import app_dirs  # noqa: E402
from velatura.editor.colours import contrast  # noqa: E402
from velatura.editor.ui_state import Style, UiState  # noqa: E402
from velatura.editor.window_place import Box  # noqa: E402
from velatura.errors import DaemonNotRunning, NothingToRestyle  # noqa: E402
from velatura.protocol.messages import Preview  # noqa: E402
from velatura.settings import StyleSettings  # noqa: E402

Qt, QTest = QtCore.Qt, QtTest.QTest
seen, started, cancelled = {}, [], []
panel = Panel(app_dirs(), list, list, None)
window = Window(panel)
panel.restore(UiState(StyleSettings(strength=73), [Style("/a.png", "A"), Style("/b.png", "B", 0.5)]))
panel.start_requested.connect(lambda: started.append(1))
panel.cancel_requested.connect(lambda: cancelled.append(1))
window.show()
app.processEvents()


def wheel(widget):
    position = QtCore.QPointF(widget.rect().center())
    event = QtGui.QWheelEvent(
        position,
        QtCore.QPointF(widget.mapToGlobal(widget.rect().center())),
        QtCore.QPoint(),
        QtCore.QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    app.sendEvent(widget, event)


# Enter and the wheel
window.activateWindow()
editors = panel.controls._editors
number = editors["strength"].number
number.setFocus()
QTest.keyClick(number, Qt.Key.Key_Return)
seen["enter starts"] = len(started)
panel.start.setFocus()
before = panel.settings().to_wire()
for name in ("strength", "quality", "stroke_size", "seed"):
    for widget in editors[name].findChildren(QtWidgets.QWidget):
        wheel(widget)
seen["wheel without focus changes"] = panel.settings().to_wire() != before

# what a running restyle changes
panel.show_preview(Preview("j", 0, 4, 3, bytes([200] * 36)))
shown_before = panel.preview.shown.pixel(0, 0)
panel.set_busy()
seen["start while busy"] = panel.start.text()
panel.show_preview(Preview("j", 0, 4, 3, bytes([10] * 36)))
QTest.keyClick(window, Qt.Key.Key_Escape)
seen["escape while busy"] = [len(cancelled), window.isVisible()]
panel.set_idle()
panel.show_before()
seen["preview after cancel is the one before"] = panel.preview.shown.pixel(0, 0) == shown_before
seen["start while idle"] = panel.start.text()

# messages
panel.show_error(DaemonNotRunning("No daemon is running."), command=True)
seen["buttons of an error"] = [panel.copy_report.isVisible(), panel.copy_command.isVisible()]
panel.show_error(NothingToRestyle("No style is chosen."), report=False)
seen["buttons of a mistake"] = [panel.copy_report.isVisible(), panel.copy_command.isVisible()]
panel.show_message("")
panel.bottom.reset.click()
seen["reset"] = panel.settings() == StyleSettings()

# shares, accessible names
labels = [
    label.text() for label in panel.gallery.findChildren(QtWidgets.QLabel) if label.objectName().startswith("percent")
]
seen["shares"] = sorted(labels)
named = (QtWidgets.QComboBox, QtWidgets.QSlider, QtWidgets.QAbstractSpinBox, QtWidgets.QCheckBox, QtWidgets.QListWidget)
seen["without a name"] = [
    widget.objectName() for kind in named for widget in window.findChildren(kind) if not widget.accessibleName()
]
seen["without a tooltip"] = [
    button.text() or button.objectName()
    for button in window.findChildren(QtWidgets.QAbstractButton)
    if not button.toolTip() and not button.parent().toolTip() and "qt_" not in button.objectName()
]

# texts from strangers
tag = "<img src='/dev/zero'>"
panel.show_target(tag)
panel.show_message(tag)
seen["labels that show a text as HTML"] = [
    label.objectName() or label.text()
    for label in panel.findChildren(QtWidgets.QLabel)
    if label.textFormat() != Qt.TextFormat.PlainText and not label.buddy() and "<b>" not in label.text()
]
seen["a tag in a tooltip"] = plain_tip(f"{tag}\nb")

# themes
panel.show_error(DaemonNotRunning("No daemon is running."))
panel.show_estimate("About 8 seconds.")
seen["unreadable"] = []
for path in THEMES:
    theme = configparser.ConfigParser(strict=False, interpolation=None)
    theme.read(path)
    palette = app.palette()
    for role, name in (("Window", "BackgroundNormal"), ("WindowText", "ForegroundNormal")):
        colour = QtGui.QColor(*map(int, theme["Colors:Window"][name].split(",")[:3]))
        palette.setColor(getattr(QtGui.QPalette.ColorRole, role), colour)
    app.setPalette(palette)
    app.processEvents()
    for label in (panel.message, panel.estimate):
        text = label.palette().color(QtGui.QPalette.ColorRole.WindowText)
        rgb = [(c.red(), c.green(), c.blue()) for c in (text, palette.color(QtGui.QPalette.ColorRole.Window))]
        if contrast(*rgb) < 4.5:
            seen["unreadable"].append([Path(path).stem, label.objectName(), contrast(*rgb)])

# screens and files
seen["smallest size"] = [window.minimumSizeHint().width(), window.minimumSizeHint().height()]
place(window, Box(-500, -500, 5000, 5000), SIZE)
free = app.primaryScreen().availableGeometry()
seen["fits"] = free.contains(QtCore.QRect(*place_of(window))) or [free.getRect(), place_of(window)]
picture = QtGui.QImage(8, 6, QtGui.QImage.Format.Format_RGB32)
picture.fill(QtGui.QColor("teal"))
picture.save(f"{FOLDER}/merged.png", "PNG")
for name in ("x.kra", "x.ora"):
    with zipfile.ZipFile(f"{FOLDER}/{name}", "w") as archive:
        archive.write(f"{FOLDER}/merged.png", "mergedimage.png")
    seen[name] = read_image(f"{FOLDER}/{name}", 100).width()
window.close()
print(json.dumps(seen))
