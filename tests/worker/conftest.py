"""A small network for the worker's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.support.networks import random_weights
from tests.support.restyle_jobs import Jobs
from velatura_daemon.engine.network import Network
from velatura_daemon.models.calibration import calibrate


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures are so small that a second thread gains nothing, and costs much while another process has its core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def network(one_thread: None) -> Network:
    """Calibrated. Shared: a test that changes more than the pooling takes a copy."""
    made = Network(random_weights(), "small")
    calibrate(made)
    return made


@pytest.fixture
def jobs(tmp_path, network):
    return Jobs(tmp_path, network)
