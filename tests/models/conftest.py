"""One thread, as in tests/engine: for small tensors on a shared machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def no_large_files_left(tmp_path: Path) -> Iterator[None]:
    """Delete weights files after each test: pytest keeps the folders of three runs, and a file of VGG19 may have 80
    MB."""
    yield
    for path in (*tmp_path.rglob("*.safetensors"), *tmp_path.rglob("*.pth")):
        path.unlink()
