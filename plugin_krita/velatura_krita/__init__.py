"""Velatura in Krita: four commands in the Filter menu. What it needs, it carries along; nothing is installed into
Krita."""

from __future__ import annotations

import sys
from pathlib import Path

CARRIED = Path(__file__).parent / "carried"
sys.path.insert(0, str(CARRIED / "lib"))  # our own `velatura`, before any other that may be installed
sys.path.append(str(CARRIED / "fallback"))  # msgpack in pure Python, after one that Krita's Python may have

if "krita" in sys.modules or "PyKrita" in sys.modules:  # inside Krita; elsewhere single modules may be looked at
    from . import extension  # noqa: F401
