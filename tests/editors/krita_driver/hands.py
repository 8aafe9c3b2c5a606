"""What a person at Krita does, and sees. Names from here are there for each step that a test sends."""

from __future__ import annotations

import hashlib
import os
import sys
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
    """A document in a view."""
    K.activeWindow().addView(document)
    document.waitForDone()


def open_picture(path, space=None):
    """Open a file as a person would; in another colour space where one is given."""
    K.setBatchmode(True)  # no questions about a file without a profile
    document = K.openDocument(path)
    K.setBatchmode(False)
    if space:
        document.setColorSpace(*space)
    document.waitForDone()
    show(document)


def doc():
    return K.activeDocument()


def close_all():
    """Close every document; Krita is given time before and after, as a person would."""
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
    """Choose a layer; whether it is the active one (Krita itself chooses a new one, a little later)."""
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
    """All that the document is: its tree, each layer's pixels, what is seen."""
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


def selected():
    """The selection over the canvas, a byte a pixel."""
    return bytes(doc().selection().pixelData(0, 0, doc().width(), doc().height()))


def quit_krita():
    """Leave Krita as a person does, who keeps nothing: questions about unsaved pictures are answered so."""

    def answer():
        for box in QApplication.topLevelWidgets():
            if isinstance(box, QMessageBox) and box.isVisible():
                discard = box.button(QMessageBox.No) or box.button(QMessageBox.Discard)
                with open(os.path.expanduser("~/answered"), "a") as file:
                    file.write(f"{box.text()} {[b.text() for b in box.buttons()]}\n")
                if discard:
                    discard.click()

    hands_timer.timeout.connect(answer)
    hands_timer.start(200)
    for document in K.documents():
        document.setModified(False)
    QTimer.singleShot(0, K.action("file_quit").trigger)


hands_timer = QTimer()


def undo():
    """Where there is something to undo: on a busy machine Krita says so a moment after what was done."""
    action = K.action("edit_undo")
    end = time.monotonic() + 20
    while not (action.isEnabled() and undo_text()) and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.02)
    action.trigger()
    doc().waitForDone()


def undo_text():
    """What would be undone, or empty."""
    return K.action("edit_undo").text().replace("Undo", "").strip()


# --- the menu ----------------------------------------------------------------------------------------
def menu(*path):
    """Choose a command by the words in the menus."""
    actions = K.activeWindow().qwindow().menuBar().actions()
    for words in path[:-1]:
        actions = _find(actions, words).menu().actions()
    action = _find(actions, path[-1])
    end = time.monotonic() + 20
    while not action.isEnabled() and time.monotonic() < end:  # Krita looks now and then what can be chosen
        QApplication.processEvents()
    assert action.isEnabled(), f"{path[-1]} cannot be chosen now"
    action.trigger()


def _find(actions, words):
    found = [action for action in actions if action.text().replace("&", "") == words]
    assert found, f"no {words!r} among {[action.text() for action in actions]}"
    return found[0]


# --- our window --------------------------------------------------------------------------------------
def window():
    """The window of the plugin, or None."""
    shown = [w for w in QApplication.topLevelWidgets() if w.objectName() == "velatura" and w.isVisible()]
    return shown[0] if shown else None


def widget(name, kind=QWidget):
    found = window().findChild(kind, name)
    assert found is not None, f"the window has no {name}"
    return found


def click(name, keys=Qt.NoModifier):
    QApplication.processEvents()  # the layout may still be on its way
    one = widget(name)
    assert one.isVisible() and one.isEnabled(), f"{name} cannot be clicked"
    QTest.mouseClick(one, Qt.LeftButton, keys)


def gallery():
    styles = widget("gallery", QListWidget)
    return [styles.item(row).text() for row in range(styles.count())]


def pick(name, keys=Qt.NoModifier):
    """Click a painting in the gallery."""
    styles = widget("gallery", QListWidget)
    item = styles.item(gallery().index(name))
    styles.scrollToItem(item)
    place = styles.visualItemRect(item).center()
    assert styles.viewport().rect().contains(place)
    QTest.mouseClick(styles.viewport(), Qt.LeftButton, keys, place)


def turn(name, value):
    """Set a knob: choose in its box, type into its number."""
    row = widget(f"knob {name}")
    if hasattr(row, "box"):
        box = row.findChild(QComboBox)
        box.setCurrentIndex(box.findData(value))
        return
    if hasattr(row, "number"):
        row.number.setFocus()
        row.number.selectAll()
        QTest.keyClicks(row.number, f"{value:g}")
        QTest.keyClick(row.number, Qt.Key_Tab)


def set_up(style="Night swirls", **setting_specs):
    """Open the window by the menu, pick a style, set knobs."""
    if window() is None:
        menu("Filter", "Artistic", "Restyle with Velatura…")
        end = time.monotonic() + 20
        while window() is None and time.monotonic() < end:
            QApplication.processEvents()
    setting_specs = {"quality": "draft", "iterations": 12, "strength": 50, **setting_specs}
    if not widget("more").isChecked():
        click("more")
    for name, value in setting_specs.items():
        turn(name, value)
    if style:
        pick(style)


def results():
    """The window of what is kept, or None."""
    shown = [w for w in QApplication.topLevelWidgets() if w.objectName() == "velatura results" and w.isVisible()]
    return shown[0] if shown else None


def press(name):
    """A button of that window."""
    QApplication.processEvents()
    one = results().findChild(QWidget, name)
    assert one.isVisible() and one.isEnabled(), f"{name} cannot be pressed"
    QTest.mouseClick(one, Qt.LeftButton)


def listed(name="kept list"):
    """What a list of that window says, its lines each."""
    one = results().findChild(QListWidget, name)
    return [one.item(row).text().split("\n") for row in range(one.count())]


def message():
    return window().message.text() if window() else ""


def busy():
    return window() is not None and window().cancel.isEnabled()


def visible(name):
    return widget(name).isVisible()


def controller():
    """The plugin's own controller, to look at."""
    return next(e for e in K.extensions() if type(e).__name__ == "VelaturaExtension").controller


def hear(name, do):
    """Call also this when the session tells the controller `name`."""
    one = controller()
    told = getattr(one, name)

    def both(*what):
        told(*what)
        do()

    setattr(one, name, both)


# --- the main thread ---------------------------------------------------------------------------------
class Stalls:
    """Every call that reaches Python from the event loop: how long it held the main thread, and with what.

    Krita's own pixel calls and conversions are counted apart: 'own' is the time without them.
    """

    KRITAS = ("PyKrita.krita",)

    def __init__(self):
        self.calls = []
        self.stack = []

    def start(self):
        self.calls, self.stack = [], []
        sys.setprofile(self._event)

    def stop(self):
        sys.setprofile(None)

    def _event(self, frame, event, what):
        now = time.perf_counter()
        if event in ("call", "c_call"):
            self.stack.append([now, 0.0, 0.0, "", 0.0])  # began, inside others, inside Krita, worst call, its time
        elif self.stack:
            began, inner, kritas, worst, worst_time = self.stack.pop()
            took = now - began
            c = event != "return"
            of_krita = c and type(getattr(what, "__self__", None)).__module__ in self.KRITAS
            name = getattr(what, "__qualname__", str(what)) if c else frame.f_code.co_qualname
            if took - inner > worst_time:
                worst, worst_time = name, took - inner
            if self.stack:
                up = self.stack[-1]
                up[1] += took
                up[2] += took if of_krita else kritas
                if worst_time > up[4]:
                    up[3], up[4] = worst, worst_time
            elif not c and "velatura_krita" in frame.f_code.co_filename and took > 0.001:
                self.calls.append(
                    (round(1000 * (took - kritas), 1), round(1000 * took, 1), name, worst, round(1000 * worst_time, 1))
                )

    def report(self):
        """The five longest by their own time, and the five longest in all: [own ms, all ms, call, worst inside, its ms]."""
        return {"own": sorted(self.calls, reverse=True)[:5], "all": sorted(self.calls, key=lambda c: -c[1])[:5]}


stalls = Stalls()
times = {}


def note_times():
    """When the next first preview and the next result come and the layer stands, from now."""
    times.clear()
    began = time.perf_counter()

    def once(name):
        times.setdefault(name, time.perf_counter() - began)

    hear("on_preview", lambda: QTimer.singleShot(0, lambda: once("first preview")))
    hear("on_finished", lambda: once("result"))
    before = len(layers())

    def look():
        if len(layers()) > before:
            once("layer")
        else:
            QTimer.singleShot(5, look)

    look()


def middle(name):
    """Where a widget's middle is on the screen, for a hand that moves a real mouse."""
    one = widget(name)
    place = one.mapToGlobal(QPoint(one.width() // 2, one.height() // 2))
    return [place.x(), place.y()]


def largest_difference(one, other):
    """The largest difference between two layers' pixels, as a share of the full range, alpha 0 left out."""
    import struct

    depth = one.colorDepth()
    assert space(one) == space(other), [space(one), space(other)]
    a, b = content(one), content(other)
    kind, full = {"U8": ("B", 255), "U16": ("H", 65535), "F16": ("e", 1), "F32": ("f", 1)}[depth]
    size = struct.calcsize(kind)
    x, y = (struct.unpack(f"<{len(p) // size}{kind}", p) for p in (a, b))
    return max(abs(i - j) for i, j in zip(x, y)) / full


def mean_difference_seen(one, other):
    """The mean difference as a screen shows them: the same colour can be mixed of other inks."""
    a, b = (node.thumbnail(doc().width(), doc().height()).convertToFormat(QImage.Format_RGB32) for node in (one, other))
    pixels = []
    for image in (a, b):
        bits = image.constBits()
        bits.setsize(image.sizeInBytes())
        pixels.append(bytes(bits))
    return sum(abs(i - j) for i, j in zip(*pixels)) / len(pixels[0]) / 255
