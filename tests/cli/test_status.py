"""`velatura daemon status` for a daemon of an earlier version that is still running."""

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


class EarlierClient:
    def __enter__(self) -> EarlierClient:
        return self

    def __exit__(self, *_: object) -> None: ...

    def status(self) -> dict[str, Any]:
        return EARLIER


def test_fields_that_an_earlier_daemon_does_not_report_are_optional(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(daemon, "running_daemon", EarlierClient)
    done = CliRunner().invoke(daemon.status)
    assert (done.exit_code, "pid 8, warm" in done.output) == (0, True)
