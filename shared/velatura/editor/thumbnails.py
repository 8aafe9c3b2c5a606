"""Reads thumbnails on a few threads, those that are visible first, and caches them in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from velatura.editor.background import as_velatura_error
from velatura.editor.event_loop import Loop
from velatura.errors import VelaturaError

THREADS = 2
MAX_CACHED = 600  # thumbnails
GONE = -1  # instead of a time

T = TypeVar("T")


class Thumbnails(Generic[T]):
    """The thumbnails of files. All methods are for the main thread."""

    def __init__(
        self,
        loop: Loop,
        read: Callable[[str], T],
        on_read: Callable[[str, T], object],
        on_failed: Callable[[str, VelaturaError], object],
        threads: int = THREADS,
    ) -> None:
        """read: reads a file's thumbnail; called on a thread. on_read, on_failed: called on the main thread with the
        path and the thumbnail or the error. A file that could not be read is not tried again until it changes."""
        self._loop, self._read, self._on_read, self._on_failed = loop, read, on_read, on_failed
        self._lock = threading.Lock()
        self._threads, self._running = threads, 0
        self._queue: list[str] = []
        self._in_work: set[str] = set()
        self._cache: OrderedDict[str, tuple[int, T]] = OrderedDict()
        self._failed: dict[str, int] = {}

    def cached(self, path: str) -> T | None:
        """Return a thumbnail that has been read, even if its file has changed since."""
        if path not in self._cache:
            return None
        self._cache.move_to_end(path)
        return self._cache[path][1]

    def want(self, paths: Sequence[str]) -> None:
        """Read these thumbnails, in this order, instead of those that were wanted before and are not begun."""
        with self._lock:
            self._queue = [path for path in dict.fromkeys(paths) if path not in self._in_work]
            start = min(self._threads - self._running, len(self._queue))
            self._running += max(0, start)
        for _ in range(start):
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        """On a thread: reads until nothing is wanted."""
        while True:
            with self._lock:
                if not self._queue:
                    self._running -= 1
                    return
                path = self._queue.pop(0)
                self._in_work.add(path)
            version = _version(path)
            if self._is_known(path, version):
                with self._lock:
                    self._in_work.discard(path)
                continue
            try:
                callback: Callable[[], object] = partial(self._on_done, path, version, self._read(path))
            except Exception as error:
                callback = partial(self._on_error, path, version, as_velatura_error(error))
            self._loop.call_on_main_thread(callback)

    def _is_known(self, path: str, version: int) -> bool:
        cached = self._cache.get(path)
        # A file that has gone keeps its thumbnail: it is reported where it is used, in words that fit there.
        return (cached is not None and version in (cached[0], GONE)) or self._failed.get(path) == version

    def _on_done(self, path: str, version: int, thumbnail: T) -> None:
        with self._lock:
            self._in_work.discard(path)
        self._cache[path] = version, thumbnail
        self._cache.move_to_end(path)
        while len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        self._on_read(path, thumbnail)

    def _on_error(self, path: str, version: int, error: VelaturaError) -> None:
        with self._lock:
            self._in_work.discard(path)
        self._failed[path] = version
        self._on_failed(path, error)


def _version(path: str) -> int:
    """A number that changes with the file, or GONE."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return GONE
