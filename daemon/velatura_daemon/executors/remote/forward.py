"""The second ssh call: forwards a socket of this machine to the daemon's on another machine."""

from __future__ import annotations

import contextlib
import re
import socket
import tempfile
import time
from pathlib import Path

from velatura.app_dirs import POSIX, make_private_folder
from velatura.client.connection_file import ConnectionInfo
from velatura.i18n import lazy_text
from velatura_daemon.executors.remote.routes import Address
from velatura_daemon.executors.remote.ssh import RemoteFailure, SshProcess
from velatura_daemon.remote_target import Target

OPEN_SECONDS = 30.0  # to log in once more
LAST_WORDS_SECONDS = 1.0  # for ssh to say why it has closed a connection: it closes first
READY = "velatura-ready"
PROHIBITED = r"^channel \d+: open failed: administratively prohibited"  # not translated: ssh's
PORT = re.compile(r"127\.0\.0\.1:[0-9]{1,5}")
# ssh splits a forwarding at ':' and expands '%' and '${' in paths. Other characters, spaces too, stand for themselves.
FORWARDABLE = re.compile(r"/[^:%$\\\x00-\x1f\x7f]*")
MAX_SOCKET_PATH = 100  # bytes; the system's limit is 104 on macOS and 107 on Linux


class Forward:
    """The call, under way or open. That ssh runs does not prove that anything listens over there: only the handshake
    with the daemon does."""

    def __init__(
        self, ssh: str, target: Target, connection: ConnectionInfo, socket_path: Path, *, by_port: bool = False
    ) -> None:
        """socket_path: of this machine's end. by_port: connect to the daemon's port over there, not to its socket,
        which some servers forbid. Windows' ssh forwards only ports. Raises RemoteFailure, DiskTrouble."""
        self._target = target
        endpoint, remote = _forwardable(connection, target, by_port=by_port)
        self.by_port = endpoint.startswith("tcp://")
        self._socket_path: Path | None = None
        self._own_folder: Path | None = None
        options = ["-o ExitOnForwardFailure=yes", "-o LogLevel=INFO"]  # INFO: that a connection is forbidden over there
        if POSIX:
            self._socket_path = self._usable(socket_path)
            local, dial = str(self._socket_path), f"ipc://{self._socket_path}"
            # A socket that a killed ssh has left would block its path.
            options += ["-o StreamLocalBindUnlink=yes", "-o StreamLocalBindMask=0177"]
        else:
            local = f"127.0.0.1:{_free_port()}"
            dial = f"tcp://{local}"
        self.address = Address(dial, endpoint, connection)
        self._deadline = time.monotonic() + OPEN_SECONDS
        # `cat` ends when this daemon ends, and ssh with it. Its first output says that the forwarding is set up.
        self._process = SshProcess(ssh, target, [*options, f"-L {local}:{remote}"], "cat")
        self._process.write(READY + "\n")

    def poll(self) -> bool:
        """Return whether ssh forwards. Raises RemoteFailure if it has ended."""
        if self._process.poll() is not None:
            raise self._process.failure()
        is_open = READY in self._process.output
        if not is_open and time.monotonic() > self._deadline:
            raise RemoteFailure(
                lazy_text(
                    "{machine} accepted no second login within {seconds:.0f} s.",
                    machine=str(self._target),
                    seconds=OPEN_SECONDS,
                ),
                may_pass=True,
            )
        return is_open

    def unanswered(self) -> RemoteFailure:
        """Return why nothing answers through it, as far as ssh has said; ssh ends by this."""
        self._process.close(patience=LAST_WORDS_SECONDS)
        if re.search(PROHIBITED, self._process.errors, re.MULTILINE):
            return self._process.failure()
        return RemoteFailure(
            lazy_text("The daemon on {machine} does not answer through ssh.", machine=str(self._target)), may_pass=True
        )

    def close(self) -> None:
        self._process.close()
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)
        if self._own_folder is not None:
            with contextlib.suppress(OSError):
                self._own_folder.rmdir()

    def _usable(self, path: Path) -> Path:
        """Return the path, or one in a new folder if ssh cannot use it."""
        if len(str(path).encode()) <= MAX_SOCKET_PATH and FORWARDABLE.fullmatch(str(path)):
            make_private_folder(path.parent)
            return path
        self._own_folder = Path(tempfile.mkdtemp(prefix="velatura-"))  # 0700, and short
        return self._own_folder / path.name


def _forwardable(connection: ConnectionInfo, target: Target, *, by_port: bool) -> tuple[str, str]:
    """Return an endpoint of the daemon over there, and how ssh names it. Raises RemoteFailure."""
    named = [(endpoint, endpoint.partition("://")[2]) for endpoint in connection.endpoints]
    # Nothing else that the other machine may claim: ssh would expand variables of this machine in it.
    sockets = [one for one in named if one[0].startswith("ipc://") and FORWARDABLE.fullmatch(one[1])]
    ports = [one for one in named if one[0].startswith("tcp://") and PORT.fullmatch(one[1])]
    usable = [*ports, *sockets] if by_port or not POSIX else [*sockets, *ports]
    if not usable:
        raise RemoteFailure(
            lazy_text(
                "The daemon on {machine} has no socket that ssh can forward. Log in there and run 'velatura daemon "
                "stop', then 'velatura daemon start'.",
                machine=str(target),
            )
        )
    return usable[0]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
