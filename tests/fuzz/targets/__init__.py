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
    "header": ("velatura", "velatura_daemon.requests", "velatura_daemon.jobs"),
    "settings": ("velatura",),
    "zmtp_client": ("velatura.zmtp",),
    "zmtp_server": ("velatura.zmtp",),
    "transfer": ("velatura.transfer",),
    "pictures": ("velatura_daemon.imagefiles", "PIL", "tifffile"),
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
