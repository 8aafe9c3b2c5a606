"""The environment variables of a worker's process: how its threads wait, and how it reuses memory.

Each of these can only be set from outside, before torch is loaded. Gains: docs/performance.md.
"""

from __future__ import annotations

# OpenMP's threads wait for one another by spinning a moment, then by sleeping. Spinning on, as is its custom, a draft
# takes 2.6 s on two free cores and ten to twenty times that beside one other busy process; sleeping at once, 3.8 and
# 5.1 s; this, 2.7 and 6.0 s.
PATIENT = {"GOMP_SPINCOUNT": "1000"}

# glibc gives blocks of over 32 MB back at once and takes them anew, page by page: at 512² a feature map's pages cost
# ten times what is computed on them. Kept, an evaluation is a seventh faster; `engine/malloc.py` says what else.
KEEPING_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}

# What torch cannot compute on Apple's GPUs, it computes on the CPU instead of failing.
COMPLETE_MPS = {"PYTORCH_ENABLE_MPS_FALLBACK": "1"}

WORKER = {**PATIENT, **KEEPING_MEMORY, **COMPLETE_MPS}
