"""Who had what done here from other machines: a line a job and a line a refused key, JSON, for whoever runs this machine."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import time
from pathlib import Path
from typing import Any

from pastiche_daemon.clock import Clock
from pastiche_daemon.jobs import OF_A_KEY, Job

LOG_BYTES, LOG_FILES = 1 << 20, 5


class Audit:
    """Nothing is written, and no file made, as long as nobody comes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._log = logging.Logger("audit")
        self._log.addHandler(_PrivateFile(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True))

    def ended(self, job: Job, how: str) -> None:
        """A job has ended. how: done, cancelled, replaced, gone (its client), or the code of a failure. Those of this machine's own
        programs are not written down."""
        if not job.client_id.startswith(OF_A_KEY):
            return
        pictures = [f"{picture.width}x{picture.height}" for picture in job.pictures]
        self._write(key=job.client_id.removeprefix(OF_A_KEY), job=job.id, content=pictures[0], others=pictures[1:],
                    bytes=sum(picture.length for picture in job.pictures), quality=job.settings.quality,
                    seconds=round(self._clock.now() - job.came, 3), ended=how)  # fmt: skip

    def not_taken(self, key: str, job: str, code: str) -> None:
        """A job was refused, as beyond what the key may have, or as nonsense."""
        self._write(key=key, job=job, ended=code)

    def refused(self, address: str, public: bytes, name: str = "") -> None:
        """A key was not let in; or (name) it was let in before, and was hung up on."""
        self._write(refused=public.hex(), **({"key": name} if name else {}), address=address)

    def close(self) -> None:
        for handler in self._log.handlers:
            handler.close()

    def _write(self, **said: Any) -> None:
        date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock.date()))
        self._log.info(json.dumps({"date": date, **said}))


class _PrivateFile(logging.handlers.RotatingFileHandler):
    def _open(self) -> Any:
        return open(self.baseFilename, "a", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))
