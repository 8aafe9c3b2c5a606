"""Inside Krita, for the tests alone: what they send is run on the main thread."""

from __future__ import annotations

import os

from krita import Extension, Krita
from PyQt5.QtCore import QSocketNotifier

from . import hands
from .answering import Answering


class Driver(Extension):
    def setup(self) -> None:
        path = os.environ.get("VELATURA_DRIVER")
        if not path:
            return
        self.answering = Answering(
            path, {name: getattr(hands, name) for name in dir(hands) if not name.startswith("_")}
        )
        self.arrival = QSocketNotifier(self.answering.fileno(), QSocketNotifier.Read)
        self.arrival.activated.connect(self.answering.answer)

    def createActions(self, window) -> None:
        pass


Krita.instance().addExtension(Driver(Krita.instance()))
