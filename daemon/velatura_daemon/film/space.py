"""How much room a film takes on the disk, told before it starts."""

from __future__ import annotations

import shutil
from pathlib import Path

from velatura.errors import DiskTrouble
from velatura.i18n import lazy_text
from velatura_daemon.user_paths import exists, shown

# Bytes of a restyled RGB frame of 8 bits as a PNG, per pixel: 2.0 to 2.6 of 3 for the samples' photos and paintings.
PNG_BYTES_PER_PIXEL = 2.6
SPARE = 1.05  # of what is needed: file systems round up, and other programs write too


def picture_bytes(pixels: int, depth: int = 1) -> float:
    """Of a frame of so many pixels, as a lossless file. depth: bytes of a sample."""
    return PNG_BYTES_PER_PIXEL * depth * pixels


def check_room(needs: dict[Path, float]) -> float:
    """Raise DiskTrouble if a disk has no room. needs: bytes by folder. Returns the bytes that are needed in all."""
    by_disk: dict[int, float] = {}
    for folder, size in needs.items():
        place = next(path for path in (folder, *folder.absolute().parents) if exists(path))
        disk = place.stat().st_dev
        by_disk[disk] = by_disk.get(disk, 0.0) + size * SPARE
        free = shutil.disk_usage(place).free
        if by_disk[disk] > free:
            raise DiskTrouble(
                lazy_text(
                    "The film needs about {needed:.1f} GB, and {free:.1f} GB are free on the disk of {folder}. Free "
                    "some space, write to another disk, restyle a part with --from and --to, or use a smaller --size.",
                    needed=by_disk[disk] / 1e9,
                    free=free / 1e9,
                    folder=shown(place),
                )
            )
    return sum(by_disk.values())
