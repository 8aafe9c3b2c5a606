"""Runs inside an editor under test: measures the gaps of its event loop, and splits them in the plugin's own time and
the editor's calls.

It is copied next to each driver.
"""

from __future__ import annotations

import sys
import threading
import time

TICK = 0.005  # seconds between two ticks of the timer that the editor's event loop has to call


class Gaps:
    """The gaps between the ticks of a timer, by phase of a restyle.

    editors_call: given what a profile function is given at the end of a call, its frame and a C function or None,
    returns its name if it is one of the editor's, or ''.
    """

    def __init__(self, editors_call):
        self._editors_call = editors_call
        self._running = False

    def start(self):
        """Measures from now on, in the phase 'read'."""
        self.gaps, self.calls, self.moments = [], {}, {}
        self._stack, self._own, self._editors, self._longest = [], 0.0, 0.0, ("", 0.0)
        self._phase, self._running = "read", True
        self._began = self._last = time.perf_counter()
        sys.setprofile(self._event)

    def stop(self):
        sys.setprofile(None)
        self._running = False

    def enter(self, phase):
        """The next phase begins, unless it has begun before."""
        if self._running and phase not in self.moments:
            self._phase = phase
            self.note(phase)

    def note(self, name):
        """Notes the first moment of this name."""
        if self._running:
            self.moments.setdefault(name, time.perf_counter() - self._began)

    def tick(self, *_):
        """The event loop has to call this every TICK."""
        if self._running and threading.current_thread() is threading.main_thread():
            now = time.perf_counter()
            gap = now - self._last - TICK
            self.gaps.append((self._phase, gap, self._own, self._editors, *self._longest))
            self._last, self._own, self._editors, self._longest = now, 0.0, 0.0, ("", 0.0)
        return True

    def _event(self, frame, event, what):
        now = time.perf_counter()
        if event in ("call", "c_call"):
            self._stack.append([now, 0.0, 0.0])  # its beginning, the time of inner calls, the editor's share of that
        elif self._stack:
            began, inner, in_editor = self._stack.pop()
            took = now - began
            function = None if event == "return" else what
            if name := self._editors_call(frame, function):
                in_editor = took
                count, total, longest = self.calls.get(name, (0, 0.0, 0.0))
                self.calls[name] = (count + 1, total + took, max(longest, took))
            elif took - inner > self._longest[1]:
                name = getattr(function, "__qualname__", str(function)) if function else frame.f_code.co_qualname
                self._longest = (name, took - inner)
            if self._stack:
                self._stack[-1][1] += took
                self._stack[-1][2] += in_editor
            else:
                self._own += took - in_editor
                self._editors += in_editor

    def report(self):
        """In ms. phases: for each phase its length, the longest gap and, of the gap with the most time of the plugin's
        own: that time and the longest call in it. calls: the editor's five longest calls. first: when each phase began.
        """
        phases = {}
        for phase in dict.fromkeys(phase for phase, *_ in self.gaps):
            gaps = [gap for gap in self.gaps if gap[0] == phase]
            _, longest, own, editors, _, _ = max(gaps, key=lambda gap: gap[1])
            _, _, worst, _, call, in_call = max(gaps, key=lambda gap: gap[2])
            phases[phase] = {
                "longest": _ms(longest),
                "own": _ms(own),
                "editor": _ms(editors),
                "most own": _ms(worst),
                "call": f"{call} {_ms(in_call)}",
            }
        calls = sorted(self.calls.items(), key=lambda item: -item[1][2])[:6]
        return {
            "phases": phases,
            "calls": [
                f"{name} ×{count}: longest {_ms(longest)}, all {_ms(total)}" for name, (count, total, longest) in calls
            ],
            "moments": {name: round(moment, 2) for name, moment in self.moments.items()},
        }


def _ms(seconds):
    return round(1000 * seconds, 1)


def before(owner, method, callback):
    """Calls back before each call of a method of this object or class."""
    original = getattr(owner, method)

    def both(*args, **kwargs):
        callback()
        return original(*args, **kwargs)

    setattr(owner, method, both)


def watch_phases(gaps, controller, inserted):
    """Tells the gaps the phases of the controller's restyles.

    inserted: a file that is made when the result is in its document, so that the test need not ask the editor.
    """
    from velatura.client.client import Client

    for owner, method, phase in (
        (controller, "_on_read", "hash"),
        (controller, "_submit", "send"),
        (controller, "on_progress", "restyle"),
        (controller, "on_preview", "restyle"),
        (Client, "_fetch_result", "receive"),
        (controller, "on_finished", "insert"),
        (controller, "on_inserted", "after"),
    ):
        before(owner, method, lambda phase=phase: gaps.enter(phase))
    before(controller, "on_inserted", lambda: open(inserted, "w").close())
