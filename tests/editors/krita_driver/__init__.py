"""A Krita plugin for the tests: runs the code that they send on the main thread."""

from __future__ import annotations

import os

from krita import Extension, Krita
from PyQt5.QtCore import QSocketNotifier

from . import measures, steps
from .code_server import CodeServer


class Driver(Extension):
    def setup(self) -> None:
        path = os.environ.get("VELATURA_DRIVER")
        if not path:
            return
        self.server = CodeServer(path, {**_public_names(steps), **_public_names(measures)})
        self.notifier = QSocketNotifier(self.server.fileno(), QSocketNotifier.Read)
        self.notifier.activated.connect(self.server.serve)

    def createActions(self, window: object) -> None:
        pass


def _public_names(module: object) -> dict[str, object]:
    return {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}


Krita.instance().addExtension(Driver(Krita.instance()))
