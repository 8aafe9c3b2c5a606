"""Downloads a file from a node in pieces. The file appears only when it is complete and matches its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from velatura_daemon.executors.ray.messages import RemoteFile
from velatura_daemon.storage.atomic import write_whole


class Damaged(Exception):
    """The contents do not match the hash."""


def receive(file: RemoteFile, path: Path, fetch: Callable[[bytes, int], bytes], on_piece: Callable[[], None]) -> None:
    """Write a node's file to `path`.

    fetch: returns a piece of a blob, starting at an offset. on_piece: called after each piece except the first.
    Raises OSError, Damaged, and the errors of `fetch`.
    """

    def write(out: IO[bytes]) -> None:
        digest, written = hashlib.sha256(), 0
        data = file.data
        while True:
            out.write(data)
            digest.update(data)
            written += len(data)
            if written >= file.size:
                break
            data = fetch(file.blob, written)
            if not data:
                raise Damaged(f"{written} of {file.size} bytes arrived.")  # not translated: for the log
            on_piece()
        if digest.digest() != file.blob:
            why = f"{written} bytes arrived, and they do not match the hash."  # not translated: for the log
            raise Damaged(why)

    write_whole(path, write)
