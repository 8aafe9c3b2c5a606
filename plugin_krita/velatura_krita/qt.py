"""Everything from the PyQt that Krita uses: PyQt5 in Krita 5, PyQt6 in Krita 6.

Two PyQts in one process crash, so the one that is loaded already is used: Krita's own `krita` module loads it. If none
is, PyQt5 is tried first, then PyQt6. The plugin writes enums with their full names, which work in both.
"""

from __future__ import annotations

import importlib
import sys


def find_binding() -> str:
    """The name of the PyQt package to use."""
    for name in ("PyQt6", "PyQt5"):
        if f"{name}.QtCore" in sys.modules:
            return name
    try:
        importlib.import_module("PyQt5.QtWidgets")
        return "PyQt5"
    except Exception:  # not installed, without a library that it needs, or refused by Krita 6
        return "PyQt6"


BINDING = find_binding()

if BINDING == "PyQt6":
    from PyQt6.QtCore import *  # noqa: F403
    from PyQt6.QtGui import *  # noqa: F403
    from PyQt6.QtWidgets import *  # noqa: F403
else:
    from PyQt5.QtCore import *  # noqa: F403
    from PyQt5.QtGui import *  # noqa: F403
    from PyQt5.QtWidgets import *  # noqa: F403
