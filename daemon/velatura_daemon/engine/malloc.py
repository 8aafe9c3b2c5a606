"""How glibc allocates memory, and when it returns it to the system.

A worker keeps freed blocks for the next allocation, which is fast (docs/performance.md). For an image that fills the
memory that is too expensive: the image's tensors and the tiles' feature maps leave gaps among each other, and 16
megapixels took 10 GB where 6 were allowed. For such an image, large tensors get memory mappings of their own, which
are returned whole; tiles, whose feature maps are all of one size and gone before the next tile, keep their blocks.
Without glibc these functions do nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

M_MMAP_THRESHOLD, M_MMAP_MAX = -3, -4  # malloc.h
LARGE_BLOCK = 32 << 20  # bytes: the largest threshold that glibc accepts
MMAP_MAX = 65536  # glibc's default

_mapping_large_blocks = False  # a process runs one job at a time


def _mallopt(parameter: int, value: int) -> None:
    if os.environ.get("MALLOC_MMAP_MAX_") != "0":
        return  # not a worker process: its allocator is left alone
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(parameter, value)


@contextlib.contextmanager
def mmap_large_blocks(enabled: bool = True) -> Iterator[None]:
    """Gives each block of over LARGE_BLOCK bytes a mapping of its own, inside the `with` statement."""
    global _mapping_large_blocks
    if not enabled:
        yield
        return
    _mapping_large_blocks = True
    _mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
    _mallopt(M_MMAP_MAX, MMAP_MAX)
    try:
        yield
    finally:
        _mapping_large_blocks = False
        _mallopt(M_MMAP_MAX, 0)


@contextlib.contextmanager
def keep_freed_blocks() -> Iterator[None]:
    """Keeps freed blocks for reuse, inside `mmap_large_blocks`.

    Outside of it freed blocks are kept anyway, and stay so: a job that falls back to tiles changes nothing for the next
    job.
    """
    _mallopt(M_MMAP_MAX, 0)
    try:
        yield
    finally:
        if _mapping_large_blocks:
            _mallopt(M_MMAP_MAX, MMAP_MAX)


def trim_heap() -> None:
    """Returns the free memory that glibc keeps to the system."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
