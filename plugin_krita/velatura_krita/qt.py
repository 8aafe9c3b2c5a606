"""Everything from the PyQt that Krita uses: PyQt5 in Krita 5, PyQt6 in Krita 6.

The PyQt that is loaded already is used, since two in one process crash. The plugin writes enums with their full names,
which work in both.
"""

from __future__ import annotations

import sys

if "PyQt6.QtCore" in sys.modules:
    from PyQt6.QtCore import *  # noqa: F403
    from PyQt6.QtGui import *  # noqa: F403
    from PyQt6.QtWidgets import *  # noqa: F403
else:
    from PyQt5.QtCore import *  # noqa: F403
    from PyQt5.QtGui import *  # noqa: F403
    from PyQt5.QtWidgets import *  # noqa: F403
