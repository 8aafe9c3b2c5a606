"""Actions of another user of the machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def as_nobody(action: Callable[[], Any]) -> bytes:
    """The result, or the error, of an action of another user. Root may do anything, so a child process changes its uid
    first."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            outcome = repr(action()).encode()
        except BaseException as error:
            outcome = type(error).__name__.encode()
        os.write(writing, outcome)
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read()


def open_to_others(folder: Path) -> None:
    """Let other users enter a folder of pytest's, which closes them: the number of its parents differs when the tests
    run in several processes."""
    for path in (folder, *folder.parents):
        if path == Path(tempfile.gettempdir()):
            break
        path.chmod(0o755)
