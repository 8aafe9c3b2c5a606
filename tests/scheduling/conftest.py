"""A scheduler with two workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scheduling import TwoWorkers


@pytest.fixture
def scheduling(home: Path) -> TwoWorkers:
    return TwoWorkers(home)
