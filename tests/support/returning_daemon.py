"""A client that needs no daemon: each result is the content itself."""

from __future__ import annotations

import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from velatura.client.events import Finished, SavedItems
from velatura.pixels import Picture
from velatura.protocol import messages as p


class Daemon:
    """A client whose daemon returns each content, one job at a time. most: jobs at a time."""

    def __init__(self, workers: int = 1) -> None:
        self.dirs = SimpleNamespace(connection_file=Path("/nonexistent"))
        self.ready, self.needs_write, self.understands_films = True, False, True
        self.requests: list[dict[str, Any]] = []
        self.events: list[Any] = []
        self.jobs: list[tuple[str, Picture]] = []
        self.most, self._workers = 0, workers

    def acknowledge_manually(self) -> None: ...
    def acknowledge(self, done: Finished) -> None: ...
    def fileno(self) -> None:
        return None

    def request_saved(self) -> None:
        self.events.append(SavedItems([]))

    def request_status(self) -> None:
        self.events.append(p.Status({"workers": [], "active_workers": self._workers}))

    def restyle(self, content: Picture, styles: object, settings: object, **more: object) -> str:
        job = uuid.uuid4().hex
        self.requests.append({"content": content, "job": job, **more})
        self.jobs.append((job, content))
        self.most = max(self.most, len(self.jobs))
        return job

    def drain(self) -> list[Any]:
        events, self.events = self.events, []
        if not events and self.jobs:
            job, content = self.jobs.pop(0)
            result = p.Result(job, "", {}, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", {}, [])
            events.append(Finished(job, content, result))
        return events
