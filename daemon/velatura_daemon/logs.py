"""One log for all processes of the daemon: `daemon.log`, each line with its time, level, process and logger.

The daemon writes the file. A process that it starts writes records as lines to its stderr (`log_to_stderr`), which the
daemon reads on a thread (`forward`): so whatever else that process prints, up to its last words in a crash, lands in
the log too.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import logging.handlers
import os
import sys
import threading
import time
from pathlib import Path
from typing import IO

from velatura.app_dirs import POSIX

LOG_BYTES, LOG_FILES = 1 << 20, 3  # a day of heavy use is some 300 KB
LONGEST_LINE = 64 << 10  # bytes; a longer one is logged in pieces
LONGEST_MESSAGE = (
    8 << 10
)  # characters of a record of another process: six bytes each at most as JSON, so that it fits a line
RECORD = b"\x1e"  # ASCII's record separator: what follows on the line is a log record, not something printed
FORMAT = "%(asctime)s %(levelname)s %(origin)s %(name)s: %(message)s"
PRINTED = "velatura.output"  # the logger of what a process prints


class _Formatter(logging.Formatter):
    """Names the process of a record: the one that it came from, else this one."""

    def __init__(self, process: str) -> None:
        super().__init__(FORMAT)
        self._process = f"{process} {os.getpid()}"

    def format(self, record: logging.LogRecord) -> str:
        record.origin = getattr(record, "origin", self._process)
        return super().format(record)


class _LogFile(logging.handlers.RotatingFileHandler):
    """daemon.log. A daemon that was started in the background has it as its stderr as well (`velatura.client.launch`),
    also after a rotation."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
        self._is_stderr = _is_open_as(path, 2)
        self._take_stderr()

    def doRollover(self) -> None:
        super().doRollover()
        self._take_stderr()

    def _take_stderr(self) -> None:
        if not self._is_stderr:
            return
        assert self.stream is not None  # it is opened at once
        target = (
            self.stream.fileno() if POSIX else os.open(os.devnull, os.O_WRONLY)
        )  # Windows renames no file that is open
        for descriptor in (1, 2):
            os.dup2(target, descriptor)
        self._is_stderr = POSIX


class _ToStderr(logging.Handler):
    """Each record as one line that `forward` understands."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = {
                "name": record.name,
                "level": record.levelno,
                "created": record.created,
                "message": self.format(record)[:LONGEST_MESSAGE],
            }
            packed = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
            os.write(2, b"\n" + RECORD + packed + b"\n")  # on a line of its own, whatever was printed before
        except OSError:
            pass  # the daemon has gone
        except Exception:  # a faulty call of a library's must not fail what it was made in
            self.handleError(record)


def open_log(path: Path, *, to_terminal: bool = False) -> None:
    """In the daemon: have every record of this process in that file, rotated. Raises OSError."""
    handlers: list[logging.Handler] = [_LogFile(path), *([logging.StreamHandler()] if to_terminal else [])]
    for handler in handlers:
        handler.setFormatter(_Formatter("daemon"))
    _configure(handlers)


def log_to_stderr(process: str | None = None) -> None:
    """In a process that the daemon has started: have every record on stderr, as `forward` reads it. process: what it is
    called; then its records are plain lines, for a place where nobody forwards them."""
    handler: logging.Handler = _ToStderr() if process is None else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s") if process is None else _Formatter(process))
    _configure([handler])


def _configure(handlers: list[logging.Handler]) -> None:
    logging.basicConfig(level=logging.WARNING, handlers=handlers, force=True)
    logging.getLogger("velatura").setLevel(logging.INFO)
    logging.captureWarnings(True)
    with contextlib.suppress(OSError, ValueError, AttributeError):  # an embedded Python may have no real stderr
        faulthandler.enable()


def forward(stream: IO[bytes], process: str) -> None:
    """Log what another process writes to its stderr, on a thread, until it ends. process: its name and number."""
    threading.Thread(target=_forward, args=(stream, process), name=f"log of {process}", daemon=True).start()


def _forward(stream: IO[bytes], process: str) -> None:
    with stream:
        while line := stream.readline(LONGEST_LINE):
            if line.strip():
                record = _record(line)
                record.origin = process
                logging.getLogger().handle(record)


def _record(line: bytes) -> logging.LogRecord:
    """Of one line of another process: a record of its, or something that it has printed."""
    try:
        said = json.loads(line[1:]) if line.startswith(RECORD) else {}
        level, created = int(said["level"]), float(said["created"])
        time.localtime(created)  # whether it is a time
        return logging.makeLogRecord(
            {
                "name": str(said["name"]),
                "levelno": level,
                "levelname": logging.getLevelName(level),
                "created": created,
                "msecs": created % 1 * 1000,
                "msg": str(said["message"]),
            }
        )
    except Exception:  # whatever it is, it was printed
        printed = line.decode("utf-8", "replace").rstrip()
        return logging.makeLogRecord({"name": PRINTED, "levelno": logging.INFO, "levelname": "INFO", "msg": printed})


def _is_open_as(path: Path, descriptor: int) -> bool:
    """Whether that descriptor of this process is this file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor)) and sys.stderr is not None
    except OSError:
        return False
