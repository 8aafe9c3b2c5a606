"""How glibc finds memory, and when it gives it back.

A worker keeps freed blocks for the next ones, which is fast (docs/performance.md). For a picture that fills the memory
that is too dear: its own tensors and its tiles' feature maps leave gaps among each other, and 16 megapixels took 10 GB
where 6 were allowed. There large tensors get mappings of their own, which go back whole; and tiles, whose maps are all
of one size and gone before the next, keep theirs. Elsewhere than on glibc nothing is done.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

M_MMAP_THRESHOLD, M_MMAP_MAX = -3, -4  # of malloc.h
LARGE = 32 << 20  # bytes: the most that glibc takes as a threshold
MANY = 65536  # glibc's own default

_apart = False  # whether large blocks are apart just now: one job at a time has the process


def _tell(parameter: int, value: int) -> None:
    if os.environ.get("MALLOC_MMAP_MAX_") != "0":
        return  # no worker's process: its memory is found in nobody's particular way
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(parameter, value)


@contextlib.contextmanager
def large_blocks_apart() -> Iterator[None]:
    """Blocks of over LARGE bytes get a mapping each; afterwards they are kept again."""
    global _apart
    _apart = True
    _tell(M_MMAP_THRESHOLD, LARGE)
    _tell(M_MMAP_MAX, MANY)
    try:
        yield
    finally:
        _apart = False
        _tell(M_MMAP_MAX, 0)


@contextlib.contextmanager
def blocks_kept() -> Iterator[None]:
    """For what is taken and freed again and again, inside `large_blocks_apart`. Outside they are kept anyway, and stay
    so: tiles that a job fell back to change nothing for the next."""
    _tell(M_MMAP_MAX, 0)
    try:
        yield
    finally:
        if _apart:
            _tell(M_MMAP_MAX, MANY)


def give_memory_back() -> None:
    """What glibc keeps though nobody uses it goes back to the system; elsewhere nothing is kept."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
