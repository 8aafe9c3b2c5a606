"""GLib's event loop, as the shared code sees it (`velatura.editor.event_loop`)."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import GLib


class GlibLoop:
    """on_error: told of whatever a callback raises; GLib alone would only print it."""

    def __init__(self, on_error: Callable[[Exception], object]) -> None:
        self._on_error = on_error

    def timer(self, do: Callable[[], object]) -> GlibTimer:
        return GlibTimer(self._safely(do))

    def call_later(self, milliseconds: int, do: Callable[[], object]) -> None:
        GLib.timeout_add(milliseconds, self._once, do)

    def watch(self, descriptor: int, do: Callable[[], object]) -> GlibWatch:
        return GlibWatch(descriptor, self._safely(do))

    def call_on_main_thread(self, do: Callable[[], object]) -> None:
        GLib.idle_add(self._once, do, priority=GLib.PRIORITY_DEFAULT)

    def _safely(self, do: Callable[[], object]) -> Callable[[], object]:
        def safely() -> None:
            try:
                do()
            except Exception as error:
                self._on_error(error)

        return safely

    def _once(self, do: Callable[[], object]) -> bool:
        self._safely(do)()
        return bool(GLib.SOURCE_REMOVE)


class _Source:
    """At most one GLib source, which calls again and again until it is stopped."""

    def __init__(self, do: Callable[[], object]) -> None:
        self._do = do
        self._id = 0

    def stop(self) -> None:
        if self._id:
            GLib.source_remove(self._id)
            self._id = 0

    def _ready(self, *_: object) -> bool:
        mine = self._id
        self._do()
        return self._id == mine  # neither stopped nor begun anew meanwhile


class GlibTimer(_Source):
    def start(self, milliseconds: int) -> None:
        self.stop()
        self._id = GLib.timeout_add(milliseconds, self._ready)


class GlibWatch(_Source):
    """Where GLib cannot watch a descriptor (Windows) the session's timer is all there is."""

    def __init__(self, descriptor: int, do: Callable[[], object]) -> None:
        super().__init__(do)
        self._descriptor = descriptor

    def listen(self, *, writing: bool) -> None:
        self.stop()
        if hasattr(GLib, "unix_fd_add_full"):
            condition = GLib.IOCondition.IN | GLib.IOCondition.OUT if writing else GLib.IOCondition.IN
            self._id = GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, self._descriptor, condition, self._ready)

    pause = close = _Source.stop
