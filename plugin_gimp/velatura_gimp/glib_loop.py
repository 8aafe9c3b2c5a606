"""Implements the event loop interface of `velatura.editor.event_loop` with GLib."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import GLib


class GlibLoop:
    """on_error: gets every exception that a callback raises; GLib alone would only print it."""

    def __init__(self, on_error: Callable[[Exception], object]) -> None:
        self._on_error = on_error

    def timer(self, callback: Callable[[], object]) -> GlibTimer:
        return GlibTimer(self._catching(callback))

    def call_later(self, milliseconds: int, callback: Callable[[], object]) -> None:
        GLib.timeout_add(milliseconds, self._once, callback)

    def watch(self, descriptor: int, callback: Callable[[], object]) -> GlibWatch:
        return GlibWatch(descriptor, self._catching(callback))

    def call_on_main_thread(self, callback: Callable[[], object]) -> None:
        GLib.idle_add(self._once, callback, priority=GLib.PRIORITY_DEFAULT)

    def _catching(self, callback: Callable[[], object]) -> Callable[[], object]:
        def call() -> None:
            try:
                callback()
            except Exception as error:
                self._on_error(error)

        return call

    def _once(self, callback: Callable[[], object]) -> bool:
        self._catching(callback)()
        return bool(GLib.SOURCE_REMOVE)


class _Source:
    """At most one GLib source, which calls back repeatedly until it is stopped."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback
        self._id = 0

    def stop(self) -> None:
        if self._id:
            GLib.source_remove(self._id)
            self._id = 0

    def _ready(self, *_: object) -> bool:
        own_id = self._id
        self._callback()
        return self._id == own_id  # False removes the source: it has been stopped or restarted


class GlibTimer(_Source):
    def start(self, milliseconds: int) -> None:
        self.stop()
        self._id = GLib.timeout_add(milliseconds, self._ready)


class GlibWatch(_Source):
    """On Windows GLib cannot watch a descriptor; there, only the session's timer is used."""

    def __init__(self, descriptor: int, callback: Callable[[], object]) -> None:
        super().__init__(callback)
        self._descriptor = descriptor

    def listen(self, *, writing: bool) -> None:
        self.stop()
        if hasattr(GLib, "unix_fd_add_full"):
            condition = GLib.IOCondition.IN | GLib.IOCondition.OUT if writing else GLib.IOCondition.IN
            self._id = GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, self._descriptor, condition, self._ready)

    pause = close = _Source.stop
