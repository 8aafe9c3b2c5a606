"""`velatura daemon status` of a daemon that was started by an earlier version, and runs still."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from velatura_daemon.cli import daemon

EARLIER = {
    "version": "0.1",
    "build": "b",
    "pid": 7,
    "endpoints": ["ipc://x"],
    "uptime_seconds": 1.0,
    "max_megapixels": 1.0,
    "jobs": [],
    "worker": {"pid": 8, "state": "warm"},
    "pictures": 0,
    "spool_bytes": 0,
    "upstream": "",
}


class Earlier:
    def __enter__(self) -> Earlier:
        return self

    def __exit__(self, *_: object) -> None: ...

    def status(self) -> dict[str, Any]:
        return EARLIER


def test_what_an_earlier_daemon_does_not_say_is_not_missed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(daemon, "running_daemon", Earlier)
    done = CliRunner().invoke(daemon.status)
    assert (done.exit_code, "pid 8, warm" in done.output) == (0, True)
