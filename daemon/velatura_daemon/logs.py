"""One log for all processes of the daemon: `daemon.log`. Each line has a time, a level, a process and a logger.

The daemon writes the file. The processes it starts write log records as lines to stderr (`log_to_stderr`), which the
daemon reads in a thread (`forward`). So everything else that such a process prints, including a crash report, is in the
log too.
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
from velatura.foreign_text import visible

LOG_BYTES, LOG_FILES = 1 << 20, 3  # a day of heavy use writes about 300 KB
MAX_LINE_BYTES = 64 << 10  # bytes; a longer one is logged in pieces
# Characters in a record from another process. In JSON each takes at most six bytes, so that the record fits a line.
MAX_MESSAGE_CHARACTERS = 8 << 10
RECORD = b"\x1e"  # ASCII record separator: the rest of the line is a log record, not printed output
FORMAT = "%(asctime)s %(levelname)s %(origin)s %(name)s: %(message)s"
PRINTED = "velatura.output"  # the logger for output that a process prints


class _Formatter(logging.Formatter):
    r"""Adds the process of a record: the one that it came from, otherwise this one.

    Each record is one line, whatever names and errors of others it contains: a newline in it is written as \n.
    """

    def __init__(self, process: str) -> None:
        super().__init__(FORMAT)
        self._process = f"{process} {os.getpid()}"

    def format(self, record: logging.LogRecord) -> str:
        record.origin = getattr(record, "origin", self._process)
        return visible(super().format(record))


class _LogFile(logging.handlers.RotatingFileHandler):
    """daemon.log. A daemon started in the background also uses it as stderr (`velatura.client.launch`); this handler
    keeps that true after a rotation."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
        self._is_stderr = _is_open_at(path, 2)
        self._redirect_stderr()

    def doRollover(self) -> None:
        super().doRollover()
        self._redirect_stderr()

    def _redirect_stderr(self) -> None:
        if not self._is_stderr:
            return
        assert self.stream is not None  # the handler opens it at once
        # Windows cannot rename a file that is open, so there stderr does not keep the log file open.
        target = self.stream.fileno() if POSIX else os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(target, descriptor)
        self._is_stderr = POSIX


class _StderrHandler(logging.Handler):
    """Writes each record as one line that `forward` can parse."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {
                "name": record.name,
                "level": record.levelno,
                "created": record.created,
                "message": self.format(record)[:MAX_MESSAGE_CHARACTERS],
            }
            packed = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
            os.write(
                2, b"\n" + RECORD + packed + b"\n"
            )  # on its own line, even if the last output did not end with a newline
        except OSError:
            pass  # the daemon has exited
        except Exception:  # a library's faulty logging call must not break its caller
            self.handleError(record)


def open_log(path: Path, *, to_terminal: bool = False) -> None:
    """In the daemon: write all log records of this process to `path`, with rotation. to_terminal: also to stderr.
    Raises OSError."""
    handlers: list[logging.Handler] = [_LogFile(path), *([logging.StreamHandler()] if to_terminal else [])]
    for handler in handlers:
        handler.setFormatter(_Formatter("daemon"))
    _configure(handlers)


def log_to_stderr(process: str | None = None) -> None:
    """In a process started by the daemon: write all log records to stderr in the format that `forward` reads. process:
    a name for this process; if given, records are plain text lines instead, for use where nothing forwards them."""
    handler: logging.Handler = _StderrHandler() if process is None else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s") if process is None else _Formatter(process))
    _configure([handler])


def _configure(handlers: list[logging.Handler]) -> None:
    logging.basicConfig(level=logging.WARNING, handlers=handlers, force=True)
    logging.getLogger("velatura").setLevel(logging.INFO)
    logging.captureWarnings(True)
    with contextlib.suppress(OSError, ValueError, AttributeError):  # an embedded Python may have no real stderr
        faulthandler.enable()


def forward(stream: IO[bytes], process: str) -> None:
    """Log what another process writes to its stderr, in a thread, until the stream ends. process: its name and
    number."""
    threading.Thread(  # not translated: the name of a thread
        target=_forward, args=(stream, process), name=f"log of {process}", daemon=True
    ).start()


def _forward(stream: IO[bytes], process: str) -> None:
    with stream:
        while line := stream.readline(MAX_LINE_BYTES):
            if line.strip():
                record = _record(line)
                record.origin = process
                logging.getLogger().handle(record)


def _record(line: bytes) -> logging.LogRecord:
    """Parse one line of another process: a log record, or printed output."""
    try:
        fields = json.loads(line[1:]) if line.startswith(RECORD) else {}
        level, created = int(fields["level"]), float(fields["created"])
        time.localtime(created)  # raises if it is not a valid time
        return logging.makeLogRecord(
            {
                "name": str(fields["name"]),
                "levelno": level,
                "levelname": logging.getLevelName(level),
                "created": created,
                "msecs": created % 1 * 1000,
                "msg": str(fields["message"]),
            }
        )
    except Exception:  # not a record, so it is printed output
        printed = line.decode("utf-8", "replace").rstrip()
        return logging.makeLogRecord({"name": PRINTED, "levelno": logging.INFO, "levelname": "INFO", "msg": printed})


def _is_open_at(path: Path, descriptor: int) -> bool:
    """Whether a descriptor of this process refers to this file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor)) and sys.stderr is not None
    except OSError:
        return False
