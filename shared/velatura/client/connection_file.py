"""The connection file: where the daemon listens and the key that both sides prove to know. 0600, one's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from velatura.app_dirs import AppDirs, read_private_file, write_private_file
from velatura.client.locks import is_held
from velatura.errors import UnsafeConnectionFile


@dataclass(frozen=True)
class ConnectionInfo:
    """endpoints: ZeroMQ addresses, the best first. key: 32 bytes, fresh at each start of the daemon."""

    endpoints: tuple[str, ...]
    key: bytes
    pid: int
    build: str


def publish(places: AppDirs, connection: ConnectionInfo) -> None:
    """Write the connection file. Raises DiskTrouble."""
    said = {
        "endpoints": list(connection.endpoints),
        "key": connection.key.hex(),
        "pid": connection.pid,
        "build": connection.build,
    }
    write_private_file(places.connection_file, json.dumps(said, indent=1).encode())


def withdraw(places: AppDirs) -> None:
    """Take the connection file away."""
    places.connection_file.unlink(missing_ok=True)


def find(places: AppDirs) -> ConnectionInfo | None:
    """The running daemon's connection, or None: no file, or one that a crash left behind (nobody holds the lock).
    Raises UnsafeConnectionFile."""
    return read_connection(places.connection_file) if is_held(places.lock_file) else None


def read_connection(path: Path) -> ConnectionInfo | None:
    """What a daemon has written there; None if there is no such file. Raises UnsafeConnectionFile."""
    try:
        data = read_private_file(path)
    except FileNotFoundError:
        return None
    try:
        said = json.loads(data)
        endpoints = tuple(str(e) for e in said["endpoints"])
        return ConnectionInfo(endpoints, bytes.fromhex(said["key"]), int(said["pid"]), str(said["build"]))
    except (ValueError, KeyError, TypeError):
        raise UnsafeConnectionFile(
            f"{path} is damaged. Run 'velatura daemon stop', remove the file, and try again."
        ) from None


def reachable(endpoint: str) -> bool:
    """False for a Unix socket that is not there, or that a sandbox hides."""
    return not endpoint.startswith("ipc://") or Path(endpoint.removeprefix("ipc://")).exists()
