"""What a person at Krita does, and sees."""

from __future__ import annotations

from krita import *  # noqa: F403
from PyQt5.QtCore import *  # noqa: F403
from PyQt5.QtGui import *  # noqa: F403
from PyQt5.QtTest import QTest  # noqa: F401
from PyQt5.QtWidgets import *  # noqa: F403
