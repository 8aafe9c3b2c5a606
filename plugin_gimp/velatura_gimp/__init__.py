"""Velatura's plug-in for GIMP 3; GIMP starts `velatura_gimp.py`.

The plug-in brings its dependencies along in `carried/`; nothing is installed into GIMP's Python.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .upgrade import complete_copy

complete_copy(Path(__file__).resolve().parent)
CARRIED = Path(__file__).parent / "carried"
sys.path.insert(0, str(CARRIED / "lib"))  # first, so that this `velatura` is used even if another one is installed
sys.path.append(str(CARRIED / "fallback"))  # last: pure-Python msgpack, only used if GIMP's Python has none
