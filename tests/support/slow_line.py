"""A ProxyCommand of ssh: connects to HOST PORT, and sends at most RATE bytes a second there."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time

PIECE = 16384  # bytes


def main() -> None:
    host, port, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    connection = socket.create_connection((host, port))
    threading.Thread(target=_receive, args=(connection,), daemon=True).start()
    while data := os.read(0, PIECE):
        connection.sendall(data)
        time.sleep(len(data) / rate)


def _receive(connection: socket.socket) -> None:
    while data := connection.recv(PIECE):
        os.write(1, data)
    os._exit(0)


if __name__ == "__main__":
    main()
