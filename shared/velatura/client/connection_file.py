"""The connection file: the daemon's endpoints and the key that both sides prove to know. Private to the user (0600)."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from velatura.app_dirs import AppDirs, read_private_file, write_private_file
from velatura.client.locks import is_held
from velatura.errors import UnsafeConnectionFile
from velatura.i18n import lazy_text


@dataclass(frozen=True)
class ConnectionInfo:
    """The content of the connection file.

    Attributes:
        endpoints: ZeroMQ addresses, the best first.
        key: 32 bytes, new at each start of the daemon.
        pid: The daemon's process.
        build: The daemon's build id.
    """

    endpoints: tuple[str, ...]
    key: bytes
    pid: int
    build: str


def publish(dirs: AppDirs, connection: ConnectionInfo) -> None:
    """Write the connection file.

    Args:
        dirs: The user's folders.
        connection: Its content.

    Raises:
        DiskTrouble: It cannot be written.
    """
    fields = {
        "endpoints": list(connection.endpoints),
        "key": connection.key.hex(),
        "pid": connection.pid,
        "build": connection.build,
    }
    write_private_file(dirs.connection_file, json.dumps(fields, indent=1).encode())


def withdraw(dirs: AppDirs, key: bytes) -> None:
    """Delete the connection file, if it is the one that was published with this key.

    Args:
        dirs: The user's folders.
        key: The key of the daemon that ends.

    Raises:
        OSError: It cannot be deleted.
    """
    with contextlib.suppress(UnsafeConnectionFile):
        published = read_connection(dirs.connection_file)
        if published is not None and published.key == key:
            dirs.connection_file.unlink(missing_ok=True)


def find(dirs: AppDirs) -> ConnectionInfo | None:
    """Return how to connect to the running daemon.

    A connection file is ignored if nobody holds the daemon's lock: it was left by a crash.

    Args:
        dirs: The user's folders.

    Returns:
        The content of the connection file; None if no daemon is running.

    Raises:
        UnsafeConnectionFile: The file is damaged, or others could read or have written it.
    """
    return read_connection(dirs.connection_file) if is_held(dirs.lock_file) else None


def read_connection(path: Path) -> ConnectionInfo | None:
    """Read a connection file.

    Args:
        path: The file.

    Returns:
        Its content; None if it does not exist.

    Raises:
        UnsafeConnectionFile: The file is damaged, or others could read or have written it.
    """
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
            lazy_text(
                "{path} is damaged. Run 'velatura daemon stop', then try again: the next daemon replaces it.", path=path
            )
        ) from None


def reachable(endpoint: str, *, has_network: bool = True) -> bool:
    """Return whether an endpoint can be tried.

    Args:
        endpoint: A ZeroMQ address.
        has_network: Whether this program may use the network.

    Returns:
        False for a Unix socket that does not exist, or that a sandbox hides, and for a port if there is no network.
    """
    return Path(endpoint.removeprefix("ipc://")).exists() if endpoint.startswith("ipc://") else has_network
