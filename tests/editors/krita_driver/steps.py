"""Steps that tests run inside Krita: what a user does, and what the documents and windows show.

The code that a test sends can use all names of this module and of `measures`.
"""

from __future__ import annotations

import hashlib
import os
import time

from krita import *
from krita import Krita
from PyQt5.QtCore import *
from PyQt5.QtCore import QPoint, Qt, QTimer
from PyQt5.QtGui import *
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import *
from PyQt5.QtWidgets import QApplication, QComboBox, QListWidget, QWidget

K = Krita.instance()


# --- documents ---------------------------------------------------------------------------------------
def show(document, window=None):
    """Opens a view of a document."""
    K.activeWindow().addView(document)
    document.waitForDone()


def open_picture(path, space=None):
    """Opens a file as a user would, and converts it if another colour space is given."""
    K.setBatchmode(True)  # no questions about a file without a profile
    document = K.openDocument(path)
    K.setBatchmode(False)
    if space:
        document.setColorSpace(*space)
    document.waitForDone()
    show(document)


def open_large(path, width, height, profile=""):
    """Opens a file's picture, scaled to this size, as a new document in 8 bits. profile: other colours than sRGB's."""
    document = K.createDocument(width, height, "large", "RGBA", "U8", "", 300.0)
    image = QImage(path).scaled(width, height).convertToFormat(QImage.Format_ARGB32)
    pixels = image.constBits()
    pixels.setsize(image.sizeInBytes())
    document.topLevelNodes()[0].setPixelData(QByteArray(bytes(pixels)), 0, 0, width, height)
    if profile:
        document.setColorSpace("RGBA", "U8", profile)
    document.refreshProjection()
    show(document)


def doc():
    return K.activeDocument()


def close_all():
    """Closes every document; Krita gets some time before and after, as a user would give it."""
    for document in K.documents():
        document.waitForDone()
        document.setModified(False)
    QTest.qWait(300)
    for document in K.documents():
        document.close()
        QTest.qWait(100)


def layers(document=None):
    return [node.name() for node in (document or doc()).topLevelNodes() if node.type() != "selectionmask"]


def layer(name):
    return doc().nodeByName(name)


def activate(name):
    """Activates a layer. Returns whether it was active already, since Krita activates new layers a little later."""
    if doc().activeNode().name() == name:
        return True
    doc().setActiveNode(layer(name))
    return False


def content(node):
    """A layer's pixels over the canvas."""
    take = node.pixelData if node.type() == "paintlayer" else node.projectionPixelData
    return bytes(take(0, 0, doc().width(), doc().height()))


def space(thing):
    return [thing.colorModel(), thing.colorDepth(), thing.colorProfile()]


def snapshot():
    """The whole state of the document: its layer tree with all pixels, and the visible canvas."""
    document = doc()
    document.waitForDone()

    def of(node):
        pixels = hashlib.sha256(content(node)).hexdigest()
        box = node.bounds()
        return [
            node.name(),
            node.type(),
            space(node),
            node.opacity(),
            node.visible(),
            node.blendingMode(),
            node.inheritAlpha(),
            pixels,
            [box.x(), box.y(), box.width(), box.height()],
            [of(child) for child in node.childNodes()],
        ]

    return [of(node) for node in document.topLevelNodes()] + [seen().hex()[:0], hashlib.sha256(seen()).hexdigest()]


def seen():
    """What the canvas shows, in the document's own space."""
    document = doc()
    document.waitForDone()
    return bytes(document.pixelData(0, 0, document.width(), document.height()))


def select(x, y, width, height, feather=0, invert=False):
    selection = Selection()
    selection.select(x, y, width, height, 255)
    if feather:
        selection.feather(feather)
    if invert:
        selection.invert()
    doc().setSelection(selection)


def add_frame(name, time_):
    """Adds a keyframe to the active layer, which is called `name`. Krita moves the time slider a moment after the time is set, and adds
    the keyframe at the slider."""
    for _ in range(100):
        QTest.qWait(200)
        K.action("add_duplicate_frame").trigger()
        doc().waitForDone()
        QTest.qWait(200)
        if layer(name).hasKeyframeAtTime(time_):
            return
    raise AssertionError(f"{name} has no frame at {time_}")


def selected():
    """The selection over the canvas, one byte per pixel."""
    return bytes(doc().selection().pixelData(0, 0, doc().width(), doc().height()))


def quit_krita():
    """Quits Krita as a user does, and discards changes if Krita asks about them."""

    def answer():
        for box in QApplication.topLevelWidgets():
            if isinstance(box, QMessageBox) and box.isVisible():
                discard = box.button(QMessageBox.No) or box.button(QMessageBox.Discard)
                with open(os.path.expanduser("~/answered"), "a") as file:
                    file.write(f"{box.text()} {[b.text() for b in box.buttons()]}\n")
                if discard:
                    discard.click()

    answer_timer.timeout.connect(answer)
    answer_timer.start(200)
    for document in K.documents():
        document.setModified(False)
    QTimer.singleShot(0, K.action("file_quit").trigger)


answer_timer = QTimer()


def undo():
    """Undoes the last step. Waits for it first: on a busy machine Krita enables Undo a moment later."""
    action = K.action("edit_undo")
    end = time.monotonic() + 20
    while not (action.isEnabled() and undo_text()) and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.02)
    doc().waitForDone()  # Krita ignores the command while it is busy with the document
    action.trigger()
    doc().waitForDone()


def undo_text():
    """The name of the step that would be undone, or empty."""
    return K.action("edit_undo").text().replace("Undo", "").strip()


# --- the menu ----------------------------------------------------------------------------------------
def menu(*path):
    """Chooses a command by the texts in the menus, or by names such as filter, which are the same in every language."""
    actions = K.activeWindow().qwindow().menuBar().actions()
    for text in path[:-1]:
        actions = _find(actions, text).menu().actions()
    action = _find(actions, path[-1])
    end = time.monotonic() + 20
    while not action.isEnabled() and time.monotonic() < end:  # Krita updates its actions now and then
        QApplication.processEvents()
    assert action.isEnabled(), f"{path[-1]} cannot be chosen now"
    action.trigger()


def _find(actions, text):
    found = [
        action for action in actions if action.text().replace("&", "") == text or action.objectName().lower() == text
    ]
    assert found, f"no {text!r} among {[action.text() for action in actions]}"
    return found[0]


# --- our window --------------------------------------------------------------------------------------
def window():
    """The plugin's window, or None."""
    shown = [w for w in QApplication.topLevelWidgets() if w.objectName() == "velatura" and w.isVisible()]
    return shown[0] if shown else None


def panel():
    """What the plugin's window shows."""
    return window().panel


def widget(name, kind=QWidget):
    found = window().findChild(kind, name)
    assert found is not None, f"the window has no {name}"
    return found


def click(name, keys=Qt.NoModifier):
    QApplication.processEvents()  # the layout may not be done yet
    one = widget(name)
    assert one.isVisible() and one.isEnabled(), f"{name} cannot be clicked"
    QTest.mouseClick(one, Qt.LeftButton, keys)


def gallery():
    """The names of the styles in the gallery, without the headings."""
    return [item.text() for item in widget("gallery", QListWidget).items()]


def pick(name, keys=Qt.NoModifier):
    """Clicks a style in the gallery."""
    styles = widget("gallery", QListWidget)
    item = styles.items()[gallery().index(name)]
    styles.scrollToItem(item)
    position = styles.visualItemRect(item).center()
    assert styles.viewport().rect().contains(position)
    QTest.mouseClick(styles.viewport(), Qt.LeftButton, keys, position)


def change(name, value):
    """Changes a setting with its widget: selects in a list, or types a number."""
    row = widget(f"setting {name}")
    if hasattr(row, "combo"):
        combo = row.findChild(QComboBox)
        combo.setCurrentIndex(combo.findData(value))
        return
    if hasattr(row, "number"):
        row.number.setFocus()
        row.number.selectAll()
        QTest.keyClicks(row.number, f"{value:g}")
        QTest.keyClick(row.number, Qt.Key_Tab)


def set_up(style="Night swirls", **settings):
    """Opens the window from the menu, changes settings and picks a style."""
    if window() is None:
        menu("Filter", "Velatura", "Restyle…")
        end = time.monotonic() + 20
        while window() is None and time.monotonic() < end:
            QApplication.processEvents()
    settings = {"quality": "draft", "iterations": 5, "strength": 50, **settings}
    if not widget("more").isChecked():
        click("more")
    for name, value in settings.items():
        change(name, value)
    if style:
        pick(style)


def setup():
    """The set-up's window, or None."""
    shown = [w for w in QApplication.topLevelWidgets() if w.objectName() == "velatura setup" and w.isVisible()]
    return shown[0] if shown else None


def setup_shows():
    """The texts and the buttons of the set-up's window; empty if it is not shown."""
    if setup() is None:
        return ["", "", []]
    panel = setup().panel
    return [panel.text.text(), panel.detail.text(), [button.text().replace("&", "") for button in panel.buttons]]


def press_in_setup(text):
    QApplication.processEvents()
    one = setup().findChild(QWidget, f"setup {text}")
    assert one.isVisible() and one.isEnabled(), f"{text} cannot be pressed"
    QTest.mouseClick(one, Qt.LeftButton)


def results():
    """The results window, or None."""
    shown = [w for w in QApplication.topLevelWidgets() if w.objectName() == "velatura results" and w.isVisible()]
    return shown[0] if shown else None


def press(name):
    """Presses a button of the results window."""
    QApplication.processEvents()
    one = results().findChild(QWidget, name)
    assert one.isVisible() and one.isEnabled(), f"{name} cannot be pressed"
    QTest.mouseClick(one, Qt.LeftButton)


def listed(name="results list"):
    """The lines of each item in a list of the results window."""
    one = results().findChild(QListWidget, name)
    return [one.item(row).text().split("\n") for row in range(one.count())]


def middle(name):
    """The position of a widget's middle on the screen, to move the mouse pointer there."""
    one = widget(name)
    position = one.mapToGlobal(QPoint(one.width() // 2, one.height() // 2))
    return [position.x(), position.y()]


def message():
    return panel().message.text() if window() else ""


def busy():
    return window() is not None and panel().cancel.isEnabled()


def visible(name):
    return widget(name).isVisible()


def controller():
    """The plugin's controller."""
    return next(e for e in K.extensions() if type(e).__name__ == "VelaturaExtension").controller


def on_event(name, callback):
    """Calls back after each call of the controller's method `name`, with which it listens to the session."""
    one = controller()
    method = getattr(one, name)

    def both(*args):
        method(*args)
        callback()

    setattr(one, name, both)


def before_insertion(change):
    """Calls `change` when the next result has arrived, just before its layer is made."""
    one = controller()
    method = one.on_finished

    def changed(*args):
        one.on_finished = method
        change()
        method(*args)

    one.on_finished = changed
