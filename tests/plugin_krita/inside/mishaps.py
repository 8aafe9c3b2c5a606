"""Runs the Krita plugin with the given Qt and a stub of Krita's interface where something goes wrong, and prints what
was seen as JSON.

argv: the Qt; the folder that contains `tests`; an empty folder.
"""

import importlib
import json
import os
import sys
import traceback
import zipfile
from pathlib import Path

QT, TREE, FOLDER = sys.argv[1:]
QtCore, QtWidgets, QtTest = (importlib.import_module(f"{QT}.{part}") for part in ("QtCore", "QtWidgets", "QtTest"))
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
from velatura_krita import canvas  # noqa: E402
from velatura_krita.canvas_regions import region_sources  # noqa: E402
from velatura_krita.canvas_target import Target  # noqa: E402
from velatura_krita.explain import ExplainTask  # noqa: E402
from velatura_krita.gallery_rows import StyleRows  # noqa: E402
from velatura_krita.qt_loop import QtLoop  # noqa: E402
from velatura_krita.styles import read_image  # noqa: E402

from velatura.editor.style_regions import Region  # noqa: E402
from velatura.editor.ui_state import Style  # noqa: E402
from velatura.errors import VelaturaError  # noqa: E402
from velatura.protocol.messages import Progress  # noqa: E402

(extension,) = krita.extensions
extension.createActions(krita.window)
controller = extension.controller
krita.window.qwindow().show()
document = krita.open(64, 48)
document.add("Photo", "teal")
document.rootNode().addChildNode(document.createNode("Empty", "paintlayer"), None)
seen: dict = {}


def sentence_of(call, *arguments):
    """The sentence of the error that a call reports."""
    try:
        call(*arguments)
    except VelaturaError as error:
        return error.sentence
    return ""


# a region of a layer without pixels
(empty,) = (source for source in region_sources() if source.name == "Empty")
seen["empty region"] = sentence_of(empty.take)

# a layer whose name Qt would take for one with a key
document.add("A & B", "grey")
rows, menu = StyleRows(region_sources, compact=False), QtWidgets.QMenu()
region = Region("A & B", canvas.canvas_of(document), bytes(64 * 48))
rows.show_styles([Style("/a.png", "A", 1.0, region)])
rows._fill_region_menu(menu, Style("/a.png", "A"))
seen["regions"] = [action.text() for action in menu.actions() if "A &" in action.text()]
seen["region"] = [b.text() for b in rows.findChildren(QtWidgets.QToolButton) if "A &" in b.text()]

# a layer of which less than a pixel of the thumbnail is on the canvas
sliver = Target(document, document.topLevelNodes()[0], QtCore.QRect(0, 0, 1, 48))
seen["sliver"] = [canvas.thumbnail(sliver, 10).width(), canvas.thumbnail(sliver, 10).height()]

# a style from a damaged file
damaged = Path(FOLDER, "damaged.kra")
with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("mergedimage.png", bytes(1000))
data = bytearray(damaged.read_bytes())
data[30 + len("mergedimage.png")] = 0xFF  # a kind of block that deflate does not have
damaged.write_bytes(data)
seen["damaged style"] = sentence_of(read_image, str(damaged), 100)

# the menu of a favourite whose file has been deleted meanwhile
favourite = Path(FOLDER, "favourite.png")
favourite.touch()
controller.ui_state.favourites = [Style(str(favourite), "Favourite")]
controller.open_window()
gallery = controller._restyle_window.panel.gallery
gallery.sources.fill_source_menu()
seen["sources"] = [action.text() for action in gallery.sources.menu.actions() if "A &" in action.text()]
favourite.unlink()
seen["menu"] = [action.text() for action in gallery.item_menu(Style(str(favourite), "Favourite")).actions()]

# the window of results, closed while a restyle is resumed
controller.open_results()
results, window = controller.results, controller._results_window
results.active_item = object()
window.set_busy()
window.close()
controller.open_results()
seen["results busy"] = window.stop.isVisible() or results.active_item is not None
window.close()

# the figures of the network, whose main window is closed meanwhile
parent, opened = QtWidgets.QWidget(), []
task = ExplainTask("krita", QtLoop(), parent, opened.append, opened.append)
parent.deleteLater()
QtTest.QTest.qWait(50)
task.on_progress("job", Progress("job", 0, 3, 64, 48, 1, 10, 0.0, 0.0, 0.5, 12.0))
seen["explaining"] = [task.over, opened]
controller.explain_task = task

krita.notifier().applicationClosing.emit()
QtTest.QTest.qWait(50)
seen["errors"] = errors
print(json.dumps(seen), flush=True)
os._exit(0)  # now and then PyQt5 crashes when Python takes its objects down at the end
