"""Runs the whole Krita plugin with the given Qt and a stub of Krita's interface, and prints what was seen as JSON.

argv: the Qt; the folder that contains `tests`.
"""

import importlib
import json
import os
import sys
import traceback

QT, TREE = sys.argv[1:]
QtCore, QtGui, QtWidgets, QtTest = (
    importlib.import_module(f"{QT}.{part}") for part in ("QtCore", "QtGui", "QtWidgets", "QtTest")
)
app = QtWidgets.QApplication([])
errors: list[str] = []


def record(*error):
    """Called for exceptions in slots and event handlers, and for one that ends this script."""
    errors.append("".join(traceback.format_exception(*error)))
    traceback.print_exception(*error)


sys.excepthook = record

sys.path.insert(0, TREE)
from tests.support import krita_stub  # noqa: E402

krita = krita_stub.install(QT)
import velatura_krita  # noqa: E402, F401
from velatura_krita import canvas, qt  # noqa: E402
from velatura_krita.canvas_regions import region_sources  # noqa: E402
from velatura_krita.canvas_styles import style_sources  # noqa: E402
from velatura_krita.status import StatusProgress  # noqa: E402

from velatura.editor.recipe import Recipe  # noqa: E402
from velatura.editor.ui_state import Style  # noqa: E402
from velatura.errors import DaemonNotRunning  # noqa: E402
from velatura.figures.layout import PlacedFigure, Sheet  # noqa: E402
from velatura.pixels import Picture, PixelFormat  # noqa: E402
from velatura.protocol.messages import Preview, Progress  # noqa: E402
from velatura.settings import StyleSettings  # noqa: E402

Qt, QTest = QtCore.Qt, QtTest.QTest
(extension,) = krita.extensions
extension.createActions(krita.window)
seen: dict = {"binding": qt.BINDING, "menus": len(krita.window.actions)}
actions = krita.window.actions
controller = extension.controller
krita.window.qwindow().show()


def pause(milliseconds=100):
    QTest.qWait(milliseconds)


def run(steps):
    """Runs one of the canvas's generators to its end. Returns its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def mouse(widget, kind, x, y, button=Qt.MouseButton.LeftButton):
    place = QtCore.QPointF(x, y)
    held = Qt.MouseButton.NoButton if kind == QtCore.QEvent.Type.MouseButtonRelease else button
    event = QtGui.QMouseEvent(kind, place, QtCore.QPointF(widget.mapToGlobal(place.toPoint())), button, held, NONE)
    app.sendEvent(widget, event)


NONE = Qt.KeyboardModifier.NoModifier
document = krita.open(64, 48)
document.add("Photo", "teal")

# every command of the menu, the docker, and both windows
controller.ui_state.styles = [Style("/a.png", "A"), Style("/b.png", "B", 0.5)]
actions["velatura_restyle"].trigger()
pause()
window = controller._restyle_window
seen["window"] = window.isVisible()
for name in ("velatura_stronger", "velatura_larger_strokes", "velatura_next_quality", "velatura_preview"):
    actions[name].trigger()
    pause(20)
for name in ("velatura_live", "velatura_live", "velatura_preview", "velatura_cancel", "velatura_results"):
    actions[name].trigger()
    pause(20)
seen["results window"] = controller._results_window.isVisible()
(factory,) = krita.dockers
docker = factory.kind()
docker.show()
pause()
seen["docker"] = docker.widget() is not None and docker.widget() in controller.window._panels

# what a restyle shows
panel = window.panel
progress = Progress("j", 0, 3, 64, 48, 1, 10, 0.0, 0.0, 0.5, 12.0)
panel.show_preview(Preview("j", 0, 64, 48, bytes([200, 100, 50] * (64 * 48))))
panel.show_progress(progress)
preview = panel.preview
kinds = QtCore.QEvent.Type
mouse(preview, kinds.MouseButtonPress, 40, 40)
mouse(preview, kinds.MouseMove, 60, 50)
mouse(preview, kinds.MouseButtonRelease, 60, 50)
mouse(preview, kinds.MouseButtonPress, 40, 40, Qt.MouseButton.MiddleButton)
mouse(preview, kinds.MouseButtonRelease, 40, 40, Qt.MouseButton.MiddleButton)
mouse(preview, kinds.MouseButtonDblClick, 40, 40)
for key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_0, Qt.Key.Key_Left, Qt.Key.Key_Space):
    QTest.keyClick(preview, key)
centre = QtCore.QPointF(preview.rect().center())
app.sendEvent(
    preview,
    QtGui.QWheelEvent(
        centre,
        QtCore.QPointF(preview.mapToGlobal(preview.rect().center())),
        QtCore.QPoint(),
        QtCore.QPoint(0, 120),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    ),
)
seen["preview"] = preview.grab().toImage().pixelColor(preview.rect().center()).getRgb()[:3]
panel.show_error(DaemonNotRunning("No daemon is running."), command=True)
status = StatusProgress()
status.show_progress(progress)
status.grab()
QTest.mouseClick(status, Qt.MouseButton.LeftButton)

# pixels in and out
target = canvas.current_target()
content = run(canvas.read(target))
seen["read"] = [content.picture.format.channels, list(bytes(content.picture.data[:4]))]
shown = run(canvas.read_shown(target, 16))
seen["shown"] = [shown.picture.width, shown.picture.height, list(bytes(shown.picture.data[:4]))]
document.chosen = importlib.import_module("krita").Selection()
document.chosen.select(8, 8, 20, 16, 255)
target = canvas.current_target()
content = run(canvas.read(target))
fmt = PixelFormat("BGRA", "u8", "srgb")
size = content.picture.width, content.picture.height
result = Picture(*size, fmt, bytes([1, 2, 3, 255]) * (size[0] * size[1]))
recipe = Recipe("Photo restyled", StyleSettings(), ())
placed = run(canvas.insert(target, result, 0, 0, recipe))
layer = document.rootNode().childNodes()[-1]
seen["inserted"] = [layer.name(), list(bytes(layer.pixelData(10, 10, 1, 1))), [c.type() for c in layer.childNodes()]]
seen["regions"] = [source.name for source in region_sources()]
seen["styles"] = len(style_sources(100))
run(canvas.open_as_picture(result, "as a picture"))
rgba = Picture(2, 1, PixelFormat("RGBA", "u8", "srgb"), bytes([1, 2, 3, 255, 4, 5, 6, 255]))
run(canvas.open_sheet(Sheet(8, 8, [PlacedFigure("one", "group", rgba, 0, 0)]), "figures"))
(group,) = krita.opened[-1].rootNode().childNodes()[1:]
seen["figure"] = list(bytes(group.childNodes()[0].pixelData(0, 0, 2, 1)))
seen["opened"] = [each.name() for each in krita.opened]

window.grab().save(f"{qt.BINDING}.png")
window.close()
controller._results_window.close()
krita.notifier().applicationClosing.emit()
pause()
seen["messages"] = len(importlib.import_module("krita").messages)
seen["errors"] = errors
print(json.dumps(seen), flush=True)
os._exit(0)  # now and then PyQt5 crashes when Python takes its objects down at the end
