"""Velatura in GIMP 3, behind the file that GIMP starts. What it needs, it carries along; nothing is installed into
GIMP."""

from __future__ import annotations

import sys
from pathlib import Path

CARRIED = Path(__file__).parent / "carried"
sys.path.insert(0, str(CARRIED / "lib"))  # our own `velatura`, before any other that may be installed
sys.path.append(str(CARRIED / "fallback"))  # msgpack in pure Python, after one that GIMP's Python may have
