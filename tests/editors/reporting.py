"""Messages while the tests run, what is only made for the pages in docs/, and the measurements that are printed at the end."""

from __future__ import annotations

import os
from typing import Any

import pytest

# For what takes minutes and is made for the pages in docs/: screenshots of whole restyles, and most measurements.
for_the_pages = pytest.mark.skipif(not os.environ.get("VELATURA_PAGES"), reason="only `make screenshots` runs it")
MEASUREMENTS: list[str] = []
CAPTURE_MANAGER: list[Any] = []  # pytest's, set at configuration


def say(sentence: str) -> None:
    """Prints what the tests are waiting for, even though pytest captures the output."""
    with CAPTURE_MANAGER[0].global_and_fixture_disabled():
        print(f"  … {sentence}", flush=True)


def add_gaps(title: str, report: dict[str, Any]) -> None:
    """Adds a report of `gaps.Gaps` to the measurements."""
    moments = ", ".join(f"{name} {seconds} s" for name, seconds in report["moments"].items())
    MEASUREMENTS.append(f"{title}: {moments}")
    for phase, gap in report["phases"].items():
        MEASUREMENTS.append(
            f"  {phase}: longest gap {gap['longest']} ms (own {gap['own']}, editor's calls {gap['editor']}); most own "
            f"time in a gap {gap['most own']} ms (longest call {gap['call']})"
        )
    MEASUREMENTS.extend(f"  editor's call {call}" for call in report["calls"])
