"""The network that a worker keeps loaded between jobs."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import torch

from velatura_daemon.engine.network import Network
from velatura_daemon.engine.precision import fastest_on
from velatura_daemon.models.load import load_network
from velatura_daemon.models.store import Weights, WeightStore

log = logging.getLogger("velatura.worker")


@dataclass(frozen=True)
class LoadedModel:
    """A network on its device. label: what its weights are, for people. stamp: of their file, to see it change."""

    network: Network
    label: str
    weights: Weights
    stamp: int
    device: torch.device


class ModelCache:
    """Names to loaded networks; the last one stays."""

    def __init__(self, store: WeightStore) -> None:
        self._store = store
        self._warm: LoadedModel | None = None

    def get(self, weights: str, device: torch.device) -> LoadedModel:
        """The network for a job. weights: a name. Raises BadWeights."""
        wanted = self._store.resolve(weights)
        stamp = wanted.path.stat().st_mtime_ns if wanted.path and wanted.path.exists() else 0
        kept = self._warm
        if kept is not None and (kept.weights, kept.stamp, kept.device) == (wanted, stamp, device):
            return kept
        began = time.monotonic()
        network, label = load_network(wanted)
        network.name = f"{wanted.name} {stamp} {device}"  # targets of another file or device are not this one's
        network.to(device).use_precision(fastest_on(device))
        self._warm = LoadedModel(network, label, wanted, stamp, device)
        log.info("network %s on %s, loaded in %.2f s", label, device, time.monotonic() - began)
        return self._warm
