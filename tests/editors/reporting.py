"""Messages while the tests run, and the measurements that are printed at the end."""

from __future__ import annotations

from typing import Any

MEASUREMENTS: list[str] = []
CAPTURE_MANAGER: list[Any] = []  # pytest's, set at configuration


def say(sentence: str) -> None:
    """Prints what the tests are waiting for, even though pytest captures the output."""
    with CAPTURE_MANAGER[0].global_and_fixture_disabled():
        print(f"  … {sentence}", flush=True)
