"""The ways to another daemon: its connection file on this machine; see `tunnel` for the way through ssh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from velatura.client.connection_file import ConnectionInfo, reachable, read_connection
from velatura.client.locks import is_held
from velatura.errors import DaemonLost, UnsafeConnectionFile
from velatura.i18n import Text, lazy_text, sentences

FILE_PATIENCE = 15.0  # seconds for the other daemon to start or restart


@dataclass(frozen=True)
class Address:
    """dial: the address to connect to. endpoint: as the daemon published it, which both proofs of the handshake cover;
    the two differ if ssh forwards the connection."""

    dial: str
    endpoint: str
    info: ConnectionInfo


class Route(Protocol):
    """How to reach another daemon. No method waits for the other side; all may be called from several threads."""

    name: str  # as in 'The daemon {daemon} does not answer.': 'on me@box'
    machine: str  # where the daemon is, as the user calls it; '' for this machine
    patience: float  # seconds for which a search goes on after a failure that may pass
    silence: float  # seconds without a byte after which the connection counts as lost, at least
    greeting: str  # the notice for a job that has to wait for the connection, or ''
    no_gpu_notice: str  # the notice for a job that runs on a CPU there, or ''

    @property
    def problem(self) -> str:
        """Why the daemon has not been found yet, as a sentence; '' if nothing has failed in this search."""

    @property
    def is_hopeless(self) -> bool:
        """Whether the problem stays until somebody does something about it."""

    @property
    def known_settings(self) -> frozenset[str] | None:
        """The settings that the other daemon knows; None: all of them."""

    def begin(self) -> None:
        """A new search begins: earlier failures count no more."""

    def find(self) -> Sequence[Address]:
        """Return where the daemon can be reached, the best first; empty: not yet, call again, or look at `problem`."""

    def on_unanswered(self, address: Address | None) -> None:
        """Nothing answered at this address, or the connection to it has ended; None: at none of those found."""

    def on_connected(self) -> None:
        """The handshake is complete."""

    def has_new_key(self, info: ConnectionInfo) -> bool:
        """Whether another attempt may find another key: the daemon may have restarted since this one was read."""

    def tend(self, *, in_use: bool) -> float | None:
        """Give back what was not in use for long. Returns the seconds until it is worth another call; None: never."""

    def lost(self, what: Text) -> DaemonLost:
        """Return the error of a lost daemon. what: a sentence, in which {daemon} stands for the name."""

    def close(self) -> None:
        """End everything that belongs to the route."""


class FileRoute:
    """The daemon that has written a connection file. The file is read anew at each attempt, since the key changes at
    each start."""

    greeting = no_gpu_notice = machine = ""
    patience = FILE_PATIENCE
    silence = 0.0
    known_settings: frozenset[str] | None = None

    def __init__(self, file: Path) -> None:
        self._file = file
        # Translators: within a sentence, such as "The daemon of FILE, which does this daemon's work, does not answer."
        self.name: str = lazy_text("of {file}, which does this daemon's work,", file=str(file))
        self.problem = ""
        self.is_hopeless = False

    def begin(self) -> None:
        self.problem, self.is_hopeless = "", False

    def find(self) -> Sequence[Address]:
        try:
            info = self._read()
        except DaemonLost as error:
            self.problem, self.is_hopeless = error.sentence, True
            return ()
        endpoints = [endpoint for endpoint in info.endpoints if reachable(endpoint)] if info is not None else []
        if info is None or not endpoints:
            self.on_unanswered(None)
            return ()
        return [Address(endpoint, endpoint, info) for endpoint in endpoints]

    def on_unanswered(self, address: Address | None) -> None:
        # Translators: {daemon} is "on a machine" or "of a connection file, which does this daemon's work,".
        silent = lazy_text("The daemon {daemon} does not answer.")
        # Translators: {daemon} is "of a connection file, which does this daemon's work,".
        gone = lazy_text("The daemon {daemon} is not running: the file does not exist.")
        self.problem = self.lost(silent if self._file.exists() else gone).sentence

    def on_connected(self) -> None:
        self.problem = ""

    def has_new_key(self, info: ConnectionInfo) -> bool:
        current = self._read()
        return current is not None and current.key != info.key

    def tend(self, *, in_use: bool) -> float | None:
        return None

    def lost(self, what: Text) -> DaemonLost:
        advice = lazy_text("Start it again, or start this daemon without --upstream.")
        return DaemonLost(sentences(what.format(daemon=self.name), advice))

    def close(self) -> None:
        pass

    def _read(self) -> ConnectionInfo | None:
        """Read the connection file; None if its daemon has ended. Raises DaemonLost if the file cannot be used."""
        lock = self._file.with_name("daemon.lock")
        if lock.exists() and not is_held(lock):
            return None
        try:
            return read_connection(self._file)
        except UnsafeConnectionFile as error:
            raise DaemonLost(
                lazy_text(
                    "The connection file of the daemon that does this daemon's work cannot be used: {problem}",
                    problem=error.sentence,
                )
            ) from error
