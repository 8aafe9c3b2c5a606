"""The connection file: the daemon's endpoints and the key that both sides prove to know. Private to the user (0600)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from velatura.app_dirs import AppDirs, read_private_file, write_private_file
from velatura.client.locks import is_held
from velatura.errors import UnsafeConnectionFile


@dataclass(frozen=True)
class ConnectionInfo:
    """The content of the connection file.

    endpoints: ZeroMQ addresses, the best first. key: 32 bytes, new at each start of the daemon. build: its build id.
    """

    endpoints: tuple[str, ...]
    key: bytes
    pid: int
    build: str


def publish(dirs: AppDirs, connection: ConnectionInfo) -> None:
    """Write the connection file. Raises DiskTrouble."""
    fields = {
        "endpoints": list(connection.endpoints),
        "key": connection.key.hex(),
        "pid": connection.pid,
        "build": connection.build,
    }
    write_private_file(dirs.connection_file, json.dumps(fields, indent=1).encode())


def withdraw(dirs: AppDirs) -> None:
    """Delete the connection file."""
    dirs.connection_file.unlink(missing_ok=True)


def find(dirs: AppDirs) -> ConnectionInfo | None:
    """Return how to connect to the running daemon, or None if none is running.

    A connection file is ignored if nobody holds the daemon's lock: it was left by a crash. Raises UnsafeConnectionFile.
    """
    return read_connection(dirs.connection_file) if is_held(dirs.lock_file) else None


def read_connection(path: Path) -> ConnectionInfo | None:
    """Read a connection file. Returns None if it does not exist. Raises UnsafeConnectionFile."""
    try:
        data = read_private_file(path)
    except FileNotFoundError:
        return None
    try:
        fields = json.loads(data)
        endpoints = tuple(str(endpoint) for endpoint in fields["endpoints"])
        return ConnectionInfo(endpoints, bytes.fromhex(fields["key"]), int(fields["pid"]), str(fields["build"]))
    except (ValueError, KeyError, TypeError):
        raise UnsafeConnectionFile(
            f"{path} is damaged. Run 'velatura daemon stop', remove the file, and try again."
        ) from None


def reachable(endpoint: str) -> bool:
    """Return False for a Unix socket that does not exist, or that a sandbox hides; True for anything else."""
    return not endpoint.startswith("ipc://") or Path(endpoint.removeprefix("ipc://")).exists()
