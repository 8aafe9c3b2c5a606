"""Measurements inside Krita: the gaps of the event loop during a restyle, and how far pixels differ."""

from __future__ import annotations

import struct
import time

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtGui import QImage

from .gaps import TICK, Gaps, before, watch_phases
from .steps import content, controller, doc, on_event, space


def _editors_call(_, function):
    """The name of a method of Krita's objects, or ''."""
    is_kritas = type(getattr(function, "__self__", None)).__module__ == "PyKrita.krita"
    return function.__qualname__ if is_kritas else ""


gaps = Gaps(_editors_call)
_ticks = QTimer()
_ticks.setTimerType(Qt.PreciseTimer)
_ticks.timeout.connect(gaps.tick)


def measure_gaps(inserted):
    """Measures a restyle from now until `gaps.stop()`. inserted: see `watch_phases`."""
    if not _ticks.isActive():
        watch_phases(gaps, controller(), inserted)
        on_event("on_preview", lambda: QTimer.singleShot(0, lambda: gaps.note("first preview")))
    _ticks.start(round(1000 * TICK))
    gaps.start()


stamps = {}  # of the latest draft: when it was requested, read and sent, its first preview and its end, in seconds since 1970


def stamp_drafts():
    """Notes the moments of each draft from now on, in `stamps`."""
    drafts = controller().drafts

    def note(name, first=False):
        if not first or name not in stamps:
            stamps[name] = time.time()

    before(drafts, "request", lambda: (stamps.clear(), note("requested")))
    before(drafts, "_on_read", lambda: note("read"))
    before(drafts, "_on_loaded", lambda: note("loaded"))
    before(drafts, "on_preview", lambda: note("preview", first=True))
    before(drafts, "on_finished", lambda: note("finished"))


def measure_painting():
    """Measures the gaps of the event loop from now until `gaps.stop()`, whatever happens."""
    _ticks.start(round(1000 * TICK))
    gaps.start()


def largest_difference(one, other):
    """The largest difference between two layers' pixels, as a share of the full range, alpha 0 left out."""
    depth = one.colorDepth()
    assert space(one) == space(other), [space(one), space(other)]
    a, b = content(one), content(other)
    kind, full = {"U8": ("B", 255), "U16": ("H", 65535), "F16": ("e", 1), "F32": ("f", 1)}[depth]
    size = struct.calcsize(kind)
    x, y = (struct.unpack(f"<{len(p) // size}{kind}", p) for p in (a, b))
    return max(abs(i - j) for i, j in zip(x, y)) / full


def mean_difference_seen(one, other):
    """The mean difference on the screen, since the same colour can be mixed from different inks."""
    a, b = (node.thumbnail(doc().width(), doc().height()).convertToFormat(QImage.Format_RGB32) for node in (one, other))
    pixels = []
    for image in (a, b):
        bits = image.constBits()
        bits.setsize(image.sizeInBytes())
        pixels.append(bytes(bits))
    return sum(abs(i - j) for i, j in zip(*pixels)) / len(pixels[0]) / 255


def same_where_shown(one, other):
    """The largest difference of two layers in 8 bits over the canvas, 0 to 1, where the other one is not transparent."""
    a, b = content(one), content(other)
    assert any(b[3::4]), "it is not on the canvas"
    return max(abs(x - y) for i, (x, y) in enumerate(zip(a, b, strict=True)) if b[i | 3]) / 255
