"""What is fuzzed, a module each. A module has

LONGEST                bytes of an input
seeds()                inputs to begin with, made by code
run_one(data)          raises whatever breaks a promise, and nothing else
mutate(data, random)   an input that is likely to get further than one of flipped bits
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
    LONGEST: int

    def seeds(self) -> Iterable[bytes]: ...

    def run_one(self, data: bytes) -> None: ...

    def mutate(self, data: bytes, source: random.Random) -> bytes: ...


def load(name: str) -> Target:
    """A target by its name. Imports what it fuzzes: to be instrumented, call it where that is on."""
    return cast(Target, importlib.import_module(f"{__name__}.{name}"))
