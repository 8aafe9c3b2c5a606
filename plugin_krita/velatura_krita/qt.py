"""Qt, as Krita has it: PyQt5 in Krita 5, PyQt6 in Krita 6. Enums are written in full, which both understand.

Two Qts in one process crash: the one that is loaded already is the one to use.
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
