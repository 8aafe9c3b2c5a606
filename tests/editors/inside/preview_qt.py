"""Uses the Krita plugin's preview without Krita, with the given Qt, and prints what was seen as JSON.

argv: the Qt; a picture of 1600 × 1200 pixels.
"""

import importlib
import json
import sys

QT, PICTURE = sys.argv[1:]
importlib.import_module(f"{QT}.QtCore")
QtWidgets = importlib.import_module(f"{QT}.QtWidgets")
QtGui = importlib.import_module(f"{QT}.QtGui")
QtCore = importlib.import_module(f"{QT}.QtCore")
QtTest = importlib.import_module(f"{QT}.QtTest")
app = QtWidgets.QApplication([])

from velatura_krita.preview import PreviewArea  # noqa: E402
from velatura_krita.preview_bar import PreviewBar  # noqa: E402

RGB = QtGui.QImage.Format.Format_RGB32
full = QtGui.QImage(PICTURE).convertToFormat(RGB)
window = QtWidgets.QWidget()
column = QtWidgets.QVBoxLayout(window)
column.setContentsMargins(0, 0, 0, 0)
preview = PreviewArea()
bar = PreviewBar(preview)
column.addWidget(preview, 1)
column.addWidget(bar)
window.resize(500, 460)
window.show()
app.processEvents()
seen = {"factor": preview.devicePixelRatioF()}


def differing(box):
    """How many pixels of the screen differ from the part of the picture that should be there, beside its edges."""
    shown = preview.grab().toImage().convertToFormat(RGB)
    edge = 3  # the frame that shows the focus
    places = [(x, y) for y in range(edge, box.height - edge) for x in range(edge, box.width - edge, 3)]
    return sum(shown.pixel(x, y) != full.pixel(box.left + x, box.top + y) for x, y in places)


def reds():
    shown = preview.grab().toImage()
    half = shown.height() // 2
    return [shown.pixelColor(int(part * shown.width()), half).red() for part in (0.1, 0.3, 0.7, 0.9)]


small = full.scaled(400, 300)
preview.set_content_size(1600, 1200)
preview.set_original(small)
preview.one_to_one()
app.processEvents()
box = preview.detail_wanted()
seen["detail"] = [box.width / preview.width(), box.height / preview.height()]
preview.set_original_detail(box, full.copy(*box))
seen["differing at 1:1"] = differing(box)
seen["nothing more wanted"] = preview.detail_wanted() is None

# a picture that is all red before and has no red after
for picture, setter in ((QtGui.QColor(255, 0, 0), preview.set_original), (QtGui.QColor(0, 0, 0), preview.set_picture)):
    small = QtGui.QImage(400, 300, RGB)
    small.fill(picture)
    setter(small)
for mode in ("before", "split", "after"):
    bar.findChild(QtWidgets.QToolButton, f"compare {mode}").click()
    app.processEvents()
    seen[mode] = reds()

window.resize(200, 400)
app.processEvents()
buttons = [*bar.findChildren(QtWidgets.QToolButton), bar.percent]
inside = QtCore.QRect(0, 0, bar.width(), bar.height())
places = [QtCore.QRect(b.mapTo(bar, QtCore.QPoint(0, 0)), b.size()) for b in buttons]
seen["width"] = window.width()
seen["all in 200 px"] = all(inside.contains(place) for place in places)
seen["without a name or a tooltip"] = [b.objectName() for b in buttons if not (b.accessibleName() and b.toolTip())]
seen["without focus"] = [b.text() for b in buttons[:-1] if b.focusPolicy() != QtCore.Qt.FocusPolicy.StrongFocus]
window.close()
print(json.dumps(seen))
