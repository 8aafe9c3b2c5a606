"""Machines that Ray's autoscaler starts for work and removes after it; here they are nodes on this machine."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from ray.cluster_utils import Cluster

from tests.conftest import QUICK, Daemon, free_port, picture
from tests.farm.machines import STORE

EMPTY = {
    "auth": {},
    "docker": {},
    "file_mounts": {},
    "cluster_synced_files": [],
    "file_mounts_sync_continuously": False,
    "rsync_exclude": [],
    "rsync_filter": [],
    "initialization_commands": [],
    "setup_commands": [],
    "head_setup_commands": [],
    "worker_setup_commands": [],
    "head_start_ray_commands": [],
    "worker_start_ray_commands": [],
}


class AutoscaledCluster:
    """A head without a core, and at most one node, which Ray starts on demand and ends 3 s after its work."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vel-"))
        port, self.address = free_port(), f"ray://127.0.0.1:{(client_port := free_port())}"
        config = self.folder / "farm.json"
        config.write_text(
            json.dumps(
                {
                    **EMPTY,
                    "cluster_name": "farm",
                    "max_workers": 1,
                    "upscaling_speed": 1.0,
                    "idle_timeout_minutes": 0.05,
                    "head_node_type": "ray.head.default",
                    "provider": {
                        "type": "fake_multinode",
                        "gcs_address": f"127.0.0.1:{port}",
                        "use_node_id_as_ip": True,
                        "disable_node_updaters": True,
                        "disable_launch_config_check": True,
                    },
                    "available_node_types": {
                        "ray.head.default": {"resources": {}, "node_config": {}, "max_workers": 0},
                        "node": {
                            "resources": {"CPU": 1, "object_store_memory": STORE},
                            "node_config": {},
                            "max_workers": 1,
                        },
                    },
                }
            )
        )
        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": STORE,
                "temp_dir": str(self.folder / "ray"),
                "include_dashboard": False,
                "ray_client_server_port": client_port,
                "gcs_server_port": port,
                "autoscaling_config": str(config),
                "env_vars": {
                    "VELATURA_HOME": str(self.folder / "node"),
                    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": "f" * 51 + "00000",
                },
            },
        )

    def nodes(self) -> list[psutil.Process]:
        """Raylets that Ray's autoscaler has started."""
        return [
            one
            for one in self._processes()
            if one.name() == "raylet" and "autoscaler" in " ".join(one.parent().cmdline())
        ]

    def _processes(self) -> list[psutil.Process]:
        """All processes of this cluster, found by the folder in their command lines."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.folder) in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def end(self) -> None:
        self._cluster.shutdown()
        for process in self._processes():  # left over without the head
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def cluster(monkeypatch) -> Iterator[AutoscaledCluster]:
    monkeypatch.setenv("RAY_FAKE_CLUSTER", "1")
    monkeypatch.setenv("AUTOSCALER_UPDATE_INTERVAL_S", "1")
    one = AutoscaledCluster()
    yield one
    one.end()


def test_a_machine_is_started_for_work_and_removed_after_it(cluster, home):
    options = ("--actor-resources", "CPU=1", "--min-actors", "0", "--max-actors", "2", "--worker-seconds", "1")
    one = Daemon(home, ("--executor", "ray", "--address", cluster.address, *options))
    try:
        assert cluster.nodes() == []
        with one.client() as client:
            done = client.restyle_and_wait(picture(seed=1), [(picture(40, 40, seed=2), 1.0)], QUICK)
            assert done.result.device.startswith("cpu at ")
            assert len(cluster.nodes()) == 1
            while cluster.nodes():
                client.drain()
                time.sleep(0.1)  # leaves the core to other processes
    finally:
        one.stop()
