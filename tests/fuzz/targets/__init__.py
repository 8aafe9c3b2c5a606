"""The fuzz targets, one module each. A module has:

MAX_BYTES              largest size of an input
seeds()                inputs to start with, made by code
run_one(data)          raises if a promise is broken, and only then
mutate(data, random)   an input that is likely to get further than one with flipped bits
"""

from __future__ import annotations

import importlib
import logging
import random
from collections.abc import Iterable
from typing import Protocol, cast

# By name: prefixes of the modules whose branches guide the fuzzer.
INSTRUMENTED = {
    "header": ("velatura", "velatura_daemon.jobs.validation", "velatura_daemon.jobs.job"),
    "settings": ("velatura",),
    "zmtp_client": ("velatura.protocol.zmtp",),
    "zmtp_server": ("velatura.protocol.zmtp",),
    "transfer": ("velatura.protocol.transfer",),
    "pictures": ("velatura_daemon.imaging.files", "PIL", "tifffile"),
    "session": (
        "velatura_daemon.server",
        "velatura_daemon.scheduling",
        "velatura_daemon.storage",
        "velatura_daemon.jobs.job",
        "velatura_daemon.jobs.validation",
        "velatura.protocol",
    ),
    "remote": (
        "velatura_daemon.executors.remote.session",
        "velatura_daemon.executors.remote.request",
        "velatura.client.client",
        "velatura.client.job_blobs",
        "velatura.client.saved_results",
        "velatura.protocol.codec",
        "velatura.protocol.transfer",
    ),
    "saved": ("velatura_daemon.storage", "velatura.client.saved_results"),
    "documents": ("velatura.editor.recipe", "velatura.editor.recipe_book", "velatura.presets"),
}
NAMES = tuple(INSTRUMENTED)

logging.getLogger("velatura").addHandler(logging.NullHandler())  # otherwise Python prints warnings to stderr


class Target(Protocol):
    MAX_BYTES: int

    def seeds(self) -> Iterable[bytes]: ...

    def run_one(self, data: bytes) -> None: ...

    def mutate(self, data: bytes, source: random.Random) -> bytes: ...


def load(name: str) -> Target:
    """Import a target by name. Call it while instrumentation is active, because importing the target imports the code
    to fuzz."""
    return cast(Target, importlib.import_module(f"{__name__}.{name}"))
