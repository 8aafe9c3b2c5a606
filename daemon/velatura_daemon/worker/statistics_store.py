"""Style statistics on disk, so that a painting that was used before needs no preparation, even after a restart."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from velatura.app_dirs import make_private_folder
from velatura.errors import DiskTrouble
from velatura_daemon.engine.losses.statistics import Statistics
from velatura_daemon.storage.atomic import write_whole

log = logging.getLogger("velatura.worker")

# A style takes 2.5 MB per size, and a restyle at 1024 px uses four sizes: room for some 25 paintings.
MAX_BYTES = 256 << 20
PARTS = ("mean", "second_moment")
NAMES = "names"  # an array with the names of all others, which the checksums of a zip file do not cover


class StatisticsStore:
    """One file per style and size, the least recently used deleted first. Losing a file costs time only, so no trouble
    with the disk is reported. Several workers may share the folder."""

    def __init__(self, folder: Path, build: str, max_bytes: int = MAX_BYTES) -> None:
        """build: identifies the code. Statistics of other code may differ, and are not found."""
        self._folder, self._build, self._max_bytes = folder, build, max_bytes

    def load(self, key: Hashable, device: torch.device) -> dict[str, Statistics] | None:
        """The statistics by layer, on the device; None if they were not saved or cannot be read."""
        path = self._path(key)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                values = {name: torch.from_numpy(arrays[name]) for name in arrays.files if name != NAMES}
                if not np.array_equal(arrays[NAMES], _joined(values)):
                    raise ValueError("names of arrays are missing or damaged")
            layers = dict.fromkeys(name.rpartition(".")[0] for name in values)
            found = {layer: [values[f"{layer}.{part}"] for part in PARTS] for layer in layers}
            os.utime(path)
        except FileNotFoundError:
            return None
        except Exception as error:  # zipfile and NumPy raise anything on a damaged file
            log.warning("%s is damaged and deleted: %s", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return {layer: Statistics(*(part.to(device) for part in parts)) for layer, parts in found.items()}

    def save(self, key: Hashable, statistics: Mapping[str, Statistics]) -> None:
        """Write the statistics, and delete the oldest files beyond max_bytes."""
        arrays = {
            f"{layer}.{part}": getattr(item, part).cpu().numpy() for layer, item in statistics.items() for part in PARTS
        }
        arrays[NAMES] = _joined(arrays)
        try:
            make_private_folder(self._folder)
            write_whole(self._path(key), lambda file: np.savez(file, **arrays))
            self._trim()
        except (OSError, DiskTrouble) as error:
            log.warning("style statistics could not be saved: %s", error)

    def _path(self, key: Hashable) -> Path:
        return self._folder / f"{hashlib.sha256(f'{self._build} {key!r}'.encode()).hexdigest()[:32]}.npz"

    def _trim(self) -> None:
        files = [(path.stat(), path) for path in self._folder.glob("*.npz")]
        total = sum(info.st_size for info, _ in files)
        for info, path in sorted(files, key=lambda item: item[0].st_mtime_ns):
            if total <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= info.st_size


def _joined(names: Iterable[str]) -> np.ndarray:
    return np.frombuffer("\n".join(names).encode(), np.uint8)
