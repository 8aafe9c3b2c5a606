"""The fuzz targets, one module each. A module has:

MAX_BYTES              largest size of an input
seeds()                inputs to start with, made by code
run_one(data)          raises if a promise is broken, and only then
mutate(data, random)   an input that is likely to get further than one with flipped bits
"""

from __future__ import annotations

import importlib
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
}
NAMES = tuple(INSTRUMENTED)


class Target(Protocol):
    MAX_BYTES: int

    def seeds(self) -> Iterable[bytes]: ...

    def run_one(self, data: bytes) -> None: ...

    def mutate(self, data: bytes, source: random.Random) -> bytes: ...


def load(name: str) -> Target:
    """Import a target by name. Call it while instrumentation is active, because importing the target imports the code
    to fuzz."""
    return cast(Target, importlib.import_module(f"{__name__}.{name}"))
