"""Threads for reading and writing, and waiting for them and the daemon at once."""

from __future__ import annotations

import select
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from velatura.client.client import Client
from velatura_daemon.batch.concurrency import wake, wake_sockets

T = TypeVar("T")

MAX_SLEEP, HANDSHAKE_SLEEP = 0.5, 0.03  # seconds, longest wait before the next step


class WakingPool:
    """A pool of threads whose results end a wait."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._receiver, self._sender = wake_sockets()

    def start(self, function: Callable[[], T]) -> Future[T]:
        """Call a function in a thread; when it returns, `wait` returns."""
        future = self._pool.submit(function)
        future.add_done_callback(partial(wake, self._sender))
        return future

    def wait(self, client: Client) -> None:
        """Wait until the daemon sends something, a thread finishes, or MAX_SLEEP is over."""
        descriptor = client.fileno()
        watched: list[Any] = [self._receiver, *([] if descriptor is None else [descriptor])]
        writing = [descriptor] if descriptor is not None and client.needs_write else []
        ready, _, _ = select.select(watched, writing, [], MAX_SLEEP if client.ready else HANDSHAKE_SLEEP)
        if self._receiver in ready:
            self._receiver.recv(4096)

    def close(self) -> None:
        """Wait for the threads; what has not begun is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sender.close()
        self._receiver.close()
