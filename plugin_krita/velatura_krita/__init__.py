"""Velatura's Krita plugin: a submenu of the Filter menu, and a docker.

The plugin brings its dependencies along in `carried/`; nothing is installed into Krita's Python.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

CARRIED = Path(__file__).parent / "carried"
sys.path.insert(0, str(CARRIED / "lib"))  # first, so that this `velatura` is used even if another one is installed
sys.path.append(str(CARRIED / "fallback"))  # last: pure-Python msgpack, only used if Krita's Python has none

if "krita" in sys.modules or "PyKrita" in sys.modules:  # outside Krita, e.g. in tests, single modules are imported
    with contextlib.suppress(Exception):  # English is better than no plugin
        from .language import use_language_of_krita

        use_language_of_krita()  # before modules with texts are imported
    from . import extension  # noqa: F401
