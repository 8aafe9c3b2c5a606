"""What the daemon's processes weigh over time, and what it writes into its log."""

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
    """at: seconds since the beginning. *_mb: resident. results: finished until then."""

    at: float
    front_mb: float
    worker_mb: float
    front_files: int
    worker_files: int
    results: int
    jobs_in_hand: int
    results_kept: int
    spool_mb: float


def weigh(pid: int) -> tuple[float, int]:
    """Megabytes and open files of a process; zeros where it is gone."""
    try:
        process = psutil.Process(pid)
        return process.memory_info().rss / 2**20, process.num_fds()
    except (psutil.Error, ValueError):
        return 0.0, 0


@dataclass(frozen=True)
class Trend:
    """Least squares over the samples after warming up. slope: per hour. first, last: means of their thirds."""

    slope_an_hour: float
    first: float
    last: float
    highest: float

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 2) for name, value in asdict(self).items()}


def trend(samples: list[Sample], of: str, warm: float) -> Trend:
    """warm: seconds that do not count. Samples without a process do not either."""
    points = [(s.at, float(getattr(s, of))) for s in samples if s.at >= warm and getattr(s, of)]
    if len(points) < 3:
        return Trend(0.0, 0.0, 0.0, max((value for _, value in points), default=0.0))
    at, values = np.array(points).T
    third = max(1, len(points) // 3)
    slope = float(np.polyfit(at, values, 1)[0]) * 3600
    return Trend(slope, float(values[:third].mean()), float(values[-third:].mean()), float(values.max()))


class Log:
    """The daemon's log as it grows, across its rotations."""

    DONE = re.compile(r"job (\S+): done")
    TROUBLE = re.compile(r"ERROR|Traceback")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self.done: set[str] = set()
        self.trouble: list[str] = []

    def read(self) -> None:
        while True:
            if self._file is None:
                if not self._path.exists():
                    return
                self._file = self._path.open(encoding="utf-8", errors="replace")
            for line in self._file:
                self.done.update(self.DONE.findall(line))
                if self.TROUBLE.search(line):
                    self.trouble.append(line.strip())
            if self._path.exists() and self._path.stat().st_ino == os.fstat(self._file.fileno()).st_ino:
                return
            self._file.close()  # it was rotated away, and is read to its end
            self._file = None
