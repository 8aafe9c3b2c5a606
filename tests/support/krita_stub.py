"""Krita's Python interface for tests without Krita: as much of it as the plugin uses, on top of the PyQt in use.

`install()` makes it the module `krita`, as it is when Krita imports the plugin. Documents are of 8-bit sRGB and have
paint layers and groups; a layer's pixels are one image of the canvas's size.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, cast

SRGB = "sRGB-elle-V2-srgbtrc.icc"


def install(qt: str) -> Any:
    """Make this the module `krita`, with PyQt5 or PyQt6. Returns Krita's instance. A QApplication has to exist."""
    core, gui, widgets = (importlib.import_module(f"{qt}.{part}") for part in ("QtCore", "QtGui", "QtWidgets"))
    stub: Any = ModuleType("krita")

    class Selection:
        """What is selected: a coverage of 0 to 255 for each pixel of one rectangle."""

        def __init__(self) -> None:
            self.box, self.data = core.QRect(), b""

        def select(self, x: int, y: int, width: int, height: int, value: int) -> None:
            self.setPixelData(core.QByteArray(bytes([value]) * (width * height)), x, y, width, height)

        def setPixelData(self, data: Any, x: int, y: int, width: int, height: int) -> None:
            self.box, self.data = core.QRect(x, y, width, height), bytes(data)

        def pixelData(self, x: int, y: int, width: int, height: int) -> Any:
            def at(column: int, row: int) -> int:
                inside = self.box.contains(core.QPoint(column, row))
                return self.data[(row - self.box.y()) * self.box.width() + column - self.box.x()] if inside else 0

            return core.QByteArray(
                bytes(at(column, row) for row in range(y, y + height) for column in range(x, x + width))
            )

        def duplicate(self) -> Selection:
            copy = Selection()
            copy.box, copy.data = self.box, self.data
            return copy

        x, y = (lambda self: self.box.x()), (lambda self: self.box.y())
        width, height = (lambda self: self.box.width()), (lambda self: self.box.height())

    class Node:
        """A layer, a group, or a mask."""

        def __init__(self, document: Any, name: str, kind: str) -> None:
            self._name, self._kind, self._document = name, kind, document
            self._id: Any = core.QUuid.createUuid()
            self._parent: Any = None
            self._children: list[Any] = []
            self._opacity, self._blending = 255, "normal"
            self._box: Any = core.QRect()
            blank = gui.QImage(document.width(), document.height(), gui.QImage.Format.Format_ARGB32)
            blank.fill(core.Qt.GlobalColor.transparent)
            self.frames = {0: blank}  # the image of each keyframe, by time; a still layer has one
            self._is_animated = False
            self.mask: Any = None  # of a transparency mask

        @property
        def image(self) -> Any:
            """The image that is shown at the document's time."""
            return self.frames[max((time for time in self.frames if time <= self._document.time), default=0)]

        def animate(self, times: list[int]) -> None:
            """Make the layer animated, with its image at each of these times, of which the first is 0."""
            self.frames = {time: self.image.copy() for time in times}
            self._is_animated = True

        def hasKeyframeAtTime(self, time: int) -> bool:
            return self._is_animated and time in self.frames

        def duplicate(self) -> Node:
            copy = Node(self._document, self._name, self._kind)
            copy.frames = {time: image.copy() for time, image in self.frames.items()}
            copy._is_animated, copy._box = self._is_animated, core.QRect(self._box)
            copy._opacity, copy._blending = self._opacity, self._blending
            for child in self._children:
                copy.addChildNode(child.duplicate(), None)
            return copy

        def pixelData(self, x: int, y: int, width: int, height: int) -> Any:
            part = self.image.copy(x, y, width, height)
            bits = part.constBits()
            bits.setsize(part.sizeInBytes())
            return core.QByteArray(bytes(bits))

        projectionPixelData = pixelData

        def setPixelData(self, data: Any, x: int, y: int, width: int, height: int) -> bool:
            raw = bytes(data)
            assert len(raw) == 4 * width * height
            part = gui.QImage(raw, width, height, 4 * width, gui.QImage.Format.Format_ARGB32)
            painter = gui.QPainter(self.image)
            painter.setCompositionMode(gui.QPainter.CompositionMode.CompositionMode_Source)
            painter.drawImage(core.QPoint(x, y), part)
            painter.end()
            self._box = self._box.united(core.QRect(x, y, width, height))
            return True

        def thumbnail(self, width: int, height: int) -> Any:
            return self.image.copy(self._box).scaled(width, height)

        def addChildNode(self, node: Node, above: Node | None) -> bool:
            place = self._children.index(above) + 1 if above is not None else len(self._children)
            self._children.insert(place, node)
            node._parent = self
            node._enter(self._document)
            return True

        def _enter(self, document: Any) -> None:
            self._document = document
            for child in self._children:
                child._enter(document)

        def childNodes(self) -> list[Node]:
            return list(self._children)

        def remove(self) -> bool:
            self._parent._children.remove(self)
            self._parent = None
            return True

        def setSelection(self, selection: Selection) -> None:
            self.mask = selection

        name, type, uniqueId = (lambda self: self._name), (lambda self: self._kind), (lambda self: self._id)
        parentNode, bounds = (lambda self: self._parent), (lambda self: core.QRect(self._box))
        position, move = (lambda self: core.QPoint(0, 0)), (lambda self, x, y: None)
        opacity, blendingMode = (lambda self: self._opacity), (lambda self: self._blending)
        inheritAlpha = locked = lambda self: False
        animated = lambda self: self._is_animated  # noqa: E731
        setLocked = setAlphaLocked = lambda self, _: None
        visible = lambda self: True  # noqa: E731
        colorModel, colorDepth, colorProfile = (lambda self: "RGBA"), (lambda self: "U8"), (lambda self: SRGB)

        def setName(self, name: str) -> None:
            self._name = name

        def setOpacity(self, opacity: int) -> None:
            self._opacity = opacity

        def setInheritAlpha(self, inherits: bool) -> None:
            pass

    class Document:
        """A picture with a tree of nodes."""

        def __init__(self, width: int, height: int, name: str) -> None:
            self._size, self._name, self.time = (width, height), name, 0
            self._root, self._active = Node(self, "root", "grouplayer"), cast(Any, None)
            self._annotations: dict[str, Any] = {}
            self.chosen: Any = None

        def add(self, name: str, colour: str) -> Node:
            """Add a paint layer of one colour, and make it the active one."""
            layer = Node(self, name, "paintlayer")
            layer.image.fill(gui.QColor(colour))
            layer._box = core.QRect(0, 0, *self._size)
            self._root.addChildNode(layer, None)
            self._active = layer
            return layer

        def nodeByUniqueID(self, identification: Any) -> Any:
            def find(node: Any) -> Any:
                if node.uniqueId() == identification:
                    return node
                return next(filter(None, map(find, node.childNodes())), None)

            return find(self._root)

        def createNode(self, name: str, kind: str) -> Any:
            return Node(self, name, kind)

        def createGroupLayer(self, name: str) -> Node:
            return Node(self, name, "grouplayer")

        def createTransparencyMask(self, name: str) -> Node:
            return Node(self, name, "transparencymask")

        def setActiveNode(self, node: Node) -> None:
            self._active = node

        def setAnnotation(self, kind: str, _: str, data: Any) -> None:
            self._annotations[kind] = data

        def annotation(self, kind: str) -> Any:
            return self._annotations[kind]

        def annotationTypes(self) -> list[str]:
            return list(self._annotations)

        width, height = (lambda self: self._size[0]), (lambda self: self._size[1])
        name, fileName = (lambda self: self._name), (lambda self: "")
        rootNode, topLevelNodes = (lambda self: self._root), (lambda self: self._root.childNodes())
        activeNode, selection = (lambda self: self._active), (lambda self: self.chosen)
        tryBarrierLock = lambda self: True  # noqa: E731
        unlock = waitForDone = refreshProjection = close = lambda self: None
        setModified = setBatchmode = lambda self, _: None
        colorModel, colorDepth, colorProfile = (lambda self: "RGBA"), (lambda self: "U8"), (lambda self: SRGB)
        currentTime, framesPerSecond = (lambda self: self.time), (lambda self: 24)
        animationLength, resolution = (lambda self: 101), (lambda self: 72)
        setFramesPerSecond = lambda self, _: None  # noqa: E731

        def setName(self, name: str) -> None:
            self._name = name

        def setCurrentTime(self, time: int) -> None:
            self.time = time

    class View:
        def showFloatingMessage(self, text: str, icon: Any, milliseconds: int, priority: int) -> None:
            stub.messages.append(text)

    class Window:
        """One main window of Krita."""

        def __init__(self) -> None:
            self._window: Any = widgets.QMainWindow()
            self.actions: dict[str, Any] = {}

        def qwindow(self) -> Any:
            return self._window

        def createAction(self, name: str, text: str, path: str) -> Any:
            kind: Any = gui.QAction if hasattr(gui, "QAction") else widgets.QAction  # it has moved in Qt 6
            self.actions[name] = kind(text, self._window)
            return self.actions[name]

        def activeView(self) -> View:
            return View()

        def addView(self, document: Document) -> None:
            krita.opened.append(document)

    class Notifier(core.QObject):  # type: ignore[misc,name-defined]
        applicationClosing = core.pyqtSignal()
        imageSaved = core.pyqtSignal(str)

        def setActive(self, active: bool) -> None:
            pass

    class Krita(core.QObject):  # type: ignore[misc,name-defined]
        """The program. opened: the documents, of which the last one is active."""

        def __init__(self) -> None:
            super().__init__()
            self.opened: list[Document] = []
            self.window, self._notifier = Window(), Notifier()
            self.extensions: list[Any] = []
            self.dockers: list[Any] = []

        @staticmethod
        def instance() -> Krita:
            return krita

        def open(self, width: int, height: int) -> Document:
            self.opened.append(Document(width, height, "picture"))
            return self.opened[-1]

        def createDocument(self, width: int, height: int, name: str, *_: Any) -> Document:
            document = Document(width, height, name)
            document.add("Background", "white")
            return document

        def activeDocument(self) -> Document | None:
            return self.opened[-1] if self.opened else None

        def addExtension(self, extension: Any) -> None:
            self.extensions.append(extension)

        def addDockWidgetFactory(self, factory: Any) -> None:
            self.dockers.append(factory)

        def documents(self) -> list[Document]:
            return list(self.opened)

        def icon(self, _: str) -> Any:
            return gui.QIcon()

        version = lambda self: "6.0.0 (stub)" if qt == "PyQt6" else "5.2.9 (stub)"  # noqa: E731
        notifier, activeWindow = (lambda self: self._notifier), (lambda self: self.window)
        windows, action = (lambda self: [self.window]), (lambda self, name: None)
        batchmode, setBatchmode = (lambda self: False), (lambda self, _: None)

    class Extension(core.QObject):  # type: ignore[misc,name-defined]
        pass

    class DockWidget(widgets.QDockWidget):  # type: ignore[misc,name-defined]
        pass

    class DockWidgetFactoryBase:
        class DockPosition:
            DockRight = 1

    class DockWidgetFactory(DockWidgetFactoryBase):
        def __init__(self, name: str, position: Any, kind: type) -> None:
            self.name, self.kind = name, kind

    class InfoObject:
        def setProperty(self, key: str, value: object) -> None:
            pass

    for kind in (Krita, Selection, Extension, DockWidget, DockWidgetFactory, DockWidgetFactoryBase, InfoObject):
        setattr(stub, kind.__name__, kind)
    stub.messages = []
    sys.modules["krita"] = stub
    krita = Krita()
    return krita
