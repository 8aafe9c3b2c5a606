"""A picture on its way from the farm to this disk, in pieces; nobody finds it there before it is whole and what its
hash says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from velatura_daemon.storage.atomic import write_whole


class Damaged(Exception):
    """It is not what its hash says."""


def receive(file: dict[str, Any], path: Path, fetch: Callable[[bytes, int], bytes], sign: Callable[[], None]) -> None:
    """file: blob (its hash), size, data (its first piece, where that is known). fetch: of a hash, from an offset on.
    sign: called after each further piece. Raises OSError, Damaged, and what fetch raises."""

    def write(out: IO[bytes]) -> None:
        digest, written = hashlib.sha256(), 0
        data = file.get("data", b"")
        while True:
            out.write(data)
            digest.update(data)
            written += len(data)
            if written >= file["size"]:
                break
            data = fetch(file["blob"], written)
            if not data:
                raise Damaged(f"{written} of {file['size']} bytes came.")
            sign()
        if digest.digest() != file["blob"]:
            raise Damaged(f"{written} bytes came, and they are others.")

    try:
        write_whole(path, write)
    except BaseException:
        path.with_name(path.name + ".part").unlink(missing_ok=True)
        raise
