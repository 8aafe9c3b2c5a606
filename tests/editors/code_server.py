"""Runs inside an editor under test: takes Python code over a socket, runs it and replies with JSON.

It is copied next to each driver.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import traceback


def is_listening(path: str) -> bool:
    """Whether a server is listening at this path already."""
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(path) == 0


class CodeServer:
    """names: the globals of the code. The editor's event loop has to call `serve` whenever `fileno` can be read."""

    def __init__(self, path: str, names: dict) -> None:
        self._globals = names
        if os.path.exists(path):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()

    def fileno(self) -> int:
        return self._listener.fileno()

    def serve(self, *_: object) -> bool:
        """Serves one connection: runs its code and replies {'value': …} or {'error': …}. Returns True, to be called
        again."""
        peer, _ = self._listener.accept()
        with peer:
            code = b""
            while piece := peer.recv(65536):
                code += piece
            try:
                reply = {"value": self._run(code.decode())}
            except BaseException:
                reply = {"error": traceback.format_exc()}
            with contextlib.suppress(BrokenPipeError):  # the peer only checked whether this server is listening
                peer.sendall(json.dumps(reply, default=str).encode())
        return True

    def _run(self, code: str) -> object:
        """Returns the value of the last line if that is an expression, otherwise None."""
        *before, last = code.strip().split("\n")
        try:
            last = compile(last, "step", "eval")
        except SyntaxError:
            before, last = code.strip().split("\n"), None
        exec("\n".join(before), self._globals)
        return eval(last, self._globals) if last else None
