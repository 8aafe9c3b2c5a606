"""Inside an editor, for the tests alone: takes Python over a socket, runs it, answers with JSON. Copied beside each driver."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import traceback


def is_answered(path: str) -> bool:
    """Whether somebody listens there already."""
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(path) == 0


class Answering:
    """names: what the code finds. The editor's event loop calls `answer` whenever `fileno` can be read."""

    def __init__(self, path: str, names: dict) -> None:
        self._names = names
        if os.path.exists(path):
            os.unlink(path)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(path)
        self._listening.listen()

    def fileno(self) -> int:
        return self._listening.fileno()

    def answer(self, *_) -> bool:
        """One connection, one piece of code, one answer: {'value': …} or {'error': …}. True: go on listening."""
        peer, _ = self._listening.accept()
        with peer:
            code = b""
            while piece := peer.recv(65536):
                code += piece
            try:
                said = {"value": self._run(code.decode())}
            except BaseException:
                said = {"error": traceback.format_exc()}
            with contextlib.suppress(BrokenPipeError):  # somebody only looked whether we are here
                peer.sendall(json.dumps(said, default=str).encode())
        return True

    def _run(self, code: str):
        """The value of the last line where it is an expression."""
        *before, last = code.strip().split("\n")
        try:
            last = compile(last, "step", "eval")
        except SyntaxError:
            before, last = code.strip().split("\n"), None
        exec("\n".join(before), self._names)
        return eval(last, self._names) if last else None
