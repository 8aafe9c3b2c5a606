"""The interface to the event loop of an editor's toolkit. The plugins implement it for Qt and GLib."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Calls its callback repeatedly while it runs."""

    def start(self, milliseconds: int) -> None:
        """Start, or restart with another interval. The next call is one interval away."""

    def stop(self) -> None: ...


class Watch(Protocol):
    """Calls its callback when a descriptor is readable, or writable if that was requested."""

    def listen(self, *, writing: bool) -> None: ...
    def pause(self) -> None: ...
    def close(self) -> None: ...


class Loop(Protocol):
    """An event loop. All callbacks run on the main thread. Only `call_on_main_thread` may be called from any thread."""

    def timer(self, callback: Callable[[], object]) -> Timer:
        """Create a stopped timer."""

    def call_later(self, milliseconds: int, callback: Callable[[], object]) -> None: ...
    def watch(self, descriptor: int, callback: Callable[[], object]) -> Watch:
        """Create a paused watch."""

    def call_on_main_thread(self, callback: Callable[[], object]) -> None: ...
