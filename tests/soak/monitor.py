"""Memory and open files of the daemon's processes over time, and problems in its log."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import psutil


@dataclass(frozen=True)
class Sample:
    """at: seconds since the start. *_mb: resident memory. results: number finished so far."""

    at: float
    server_mb: float
    worker_mb: float
    server_files: int
    worker_files: int
    results: int
    jobs: int
    results_kept: int
    spool_mb: float


def resources_of(pid: int) -> tuple[float, int]:
    """Return megabytes and open files of a process; zeros if it has ended."""
    try:
        process = psutil.Process(pid)
        return process.memory_info().rss / 2**20, process.num_fds()
    except (psutil.Error, ValueError):
        return 0.0, 0


@dataclass(frozen=True)
class Trend:
    """A least squares fit of the samples after warming up. growth_per_hour: its slope. first, last: means of the first
    and last third."""

    growth_per_hour: float
    first: float
    last: float
    highest: float

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 2) for name, value in asdict(self).items()}


def trend(samples: list[Sample], of: str, warm: float) -> Trend:
    """warm: seconds at the start that do not count. Samples without a process do not count either."""
    points = [(s.at, float(getattr(s, of))) for s in samples if s.at >= warm and getattr(s, of)]
    if len(points) < 3:
        return Trend(0.0, 0.0, 0.0, max((value for _, value in points), default=0.0))
    at, values = np.array(points).T
    third = max(1, len(points) // 3)
    growth = float(np.polyfit(at, values, 1)[0]) * 3600
    return Trend(growth, float(values[:third].mean()), float(values[-third:].mean()), float(values.max()))


class Log:
    """The daemon's log as it grows, including rotations."""

    DONE = re.compile(r"job (\S+): done")
    PROBLEM = re.compile(r"ERROR|Traceback")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self.done: set[str] = set()
        self.problems: list[str] = []

    def read(self) -> None:
        while True:
            if self._file is None:
                if not self._path.exists():
                    return
                self._file = self._path.open(encoding="utf-8", errors="replace")
            for line in self._file:
                self.done.update(self.DONE.findall(line))
                if self.PROBLEM.search(line):
                    self.problems.append(line.strip())
            if self._path.exists() and self._path.stat().st_ino == os.fstat(self._file.fileno()).st_ino:
                return
            self._file.close()  # it was rotated, and has been read to its end
            self._file = None
