"""Inside Krita, for the tests alone: takes Python over a socket, runs it on the main thread, answers with JSON."""

from __future__ import annotations

import json
import os
import socket
import traceback

from krita import Extension, Krita
from PyQt5.QtCore import QSocketNotifier

from . import hands


class Driver(Extension):
    def setup(self) -> None:
        path = os.environ.get("PASTICHE_DRIVER")
        if not path:
            return
        self.names = {name: getattr(hands, name) for name in dir(hands) if not name.startswith("_")}
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(path)
        self.listening.listen()
        self.arrival = QSocketNotifier(self.listening.fileno(), QSocketNotifier.Read)
        self.arrival.activated.connect(self.answer)

    def createActions(self, window) -> None:
        pass

    def answer(self, *_) -> None:
        """One connection, one piece of code, one answer: {'value': …} or {'error': …}."""
        peer, _ = self.listening.accept()
        with peer:
            code = b""
            while piece := peer.recv(65536):
                code += piece
            try:
                said = {"value": self.run(code.decode())}
            except BaseException:
                said = {"error": traceback.format_exc()}
            peer.sendall(json.dumps(said, default=str).encode())

    def run(self, code: str):
        """The value of the last line where it is an expression."""
        *before, last = code.strip().split("\n")
        try:
            last = compile(last, "step", "eval")
        except SyntaxError:
            before, last = code.strip().split("\n"), None
        exec("\n".join(before), self.names)
        return eval(last, self.names) if last else None


Krita.instance().addExtension(Driver(Krita.instance()))
