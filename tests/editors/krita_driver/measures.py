"""Measurements inside Krita: how long the main thread is blocked, when results arrive, and how far pixels differ."""

from __future__ import annotations

import struct
import sys
import time

from PyQt5.QtCore import QTimer
from PyQt5.QtGui import QImage

from .steps import content, doc, layers, on_event, space


class Stalls:
    """Measures every call from the event loop into Python: how long it blocks the main thread, and in which function.

    Krita's own pixel calls and conversions are counted separately: 'own' is the time without them.
    """

    KRITA_MODULES = ("PyKrita.krita",)

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
            # start, time in other calls, time in Krita, longest call, its time
            self.stack.append([now, 0.0, 0.0, "", 0.0])
        elif self.stack:
            began, inner, in_krita, worst, worst_time = self.stack.pop()
            took = now - began
            is_c = event != "return"
            is_krita = is_c and type(getattr(what, "__self__", None)).__module__ in self.KRITA_MODULES
            name = getattr(what, "__qualname__", str(what)) if is_c else frame.f_code.co_qualname
            if took - inner > worst_time:
                worst, worst_time = name, took - inner
            if self.stack:
                up = self.stack[-1]
                up[1] += took
                up[2] += took if is_krita else in_krita
                if worst_time > up[4]:
                    up[3], up[4] = worst, worst_time
            elif not is_c and "velatura_krita" in frame.f_code.co_filename and took > 0.001:
                self.calls.append(
                    (
                        round(1000 * (took - in_krita), 1),
                        round(1000 * took, 1),
                        name,
                        worst,
                        round(1000 * worst_time, 1),
                    )
                )

    def report(self):
        """The five longest calls by own time and the five longest in all: [own ms, total ms, call, longest inner call, its ms]."""
        return {"own": sorted(self.calls, reverse=True)[:5], "all": sorted(self.calls, key=lambda c: -c[1])[:5]}


stalls = Stalls()
times = {}


def note_times():
    """Measures from now until the first preview, the result and the new layer."""
    times.clear()
    began = time.perf_counter()

    def once(name):
        times.setdefault(name, time.perf_counter() - began)

    on_event("on_preview", lambda: QTimer.singleShot(0, lambda: once("first preview")))
    on_event("on_finished", lambda: once("result"))
    before = len(layers())

    def check():
        if len(layers()) > before:
            once("layer")
        else:
            QTimer.singleShot(5, check)

    check()


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
