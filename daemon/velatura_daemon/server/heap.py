"""How glibc returns the server's memory to the system."""

from __future__ import annotations

import contextlib
import ctypes

M_MMAP_THRESHOLD = -3  # malloc.h
LARGE_BLOCK = 128 << 10  # bytes: glibc's first threshold (M_MMAP_THRESHOLD in mallopt(3))


def return_large_blocks() -> None:
    """From now on blocks of over LARGE_BLOCK bytes, such as pieces of pictures, have mappings of their own, which are
    returned when they are freed.

    By itself glibc raises the threshold to up to 32 MiB as such blocks are freed, and later ones stay in the heap.
    Without glibc this does nothing.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
