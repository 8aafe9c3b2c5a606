"""The event loop of an editor's toolkit, as the shared code sees it. Qt's and GLib's implement it in the plugins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Calls again and again while it runs."""

    def start(self, milliseconds: int) -> None:
        """Begin, or go on with another interval; the next call is one interval away."""

    def stop(self) -> None: ...


class Watch(Protocol):
    """Calls when a descriptor has something to read, or room to write where that was asked for."""

    def listen(self, *, writing: bool) -> None: ...
    def pause(self) -> None: ...
    def close(self) -> None: ...


class Loop(Protocol):
    """Everything is called on the main thread, but `from_thread` from any."""

    def timer(self, do: Callable[[], object]) -> Timer: ...
    def after(self, milliseconds: int, do: Callable[[], object]) -> None: ...
    def watch(self, descriptor: int, do: Callable[[], object]) -> Watch: ...
    def from_thread(self, do: Callable[[], object]) -> None: ...
