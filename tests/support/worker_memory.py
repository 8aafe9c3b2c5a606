"""Peak memory of restyles, each in a process of its own with a worker's environment: prints a JSON line per case.

python -m tests.support.worker_memory FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import imagecodecs
import numpy as np
import torch

from tests.support.networks import small_network
from tests.support.reading_cost import megabytes
from tests.support.restyle_jobs import Jobs, mask_of, noise
from velatura.pixels import Picture
from velatura_daemon.engine.malloc import trim_heap
from velatura_daemon.jobs.spec import JobSpec, StyleInput

SIDE = 1024  # pixels of a large style
REGIONS = 6
LAYER = 512  # pixels of a content with regions
QUARTERS = [(0, 2), (1, 2), (0, 3), (1, 3), (2, 3), (0, 1)]  # stripes: number of how many


@dataclass(frozen=True)
class Case:
    """styles: how many, the same or different ones. regions: how many of them have one."""

    styles: Sequence[Picture]
    content: Picture
    regions: int = 0
    keep_colours: str = "off"

    def spec(self, jobs: Jobs) -> JobSpec:
        spec = jobs.spec(
            self.content, styles=list(self.styles), iterations=1, quality="paper", keep_colours=self.keep_colours
        )
        inputs: list[StyleInput] = list(spec.styles)
        for number in range(self.regions):
            stripe, of = QUARTERS[number]
            values = np.zeros((self.content.height, self.content.width))
            values[:, stripe * LAYER // of : (stripe + 1) * LAYER // of] = 255
            inputs[number] = replace(inputs[number], region=jobs.on_disk(mask_of(values)))
        return replace(spec, styles=tuple(inputs))


def large(seed: int, alpha: bool = True, profile: bytes = b"") -> Picture:
    tile = noise(64, 64, "RGBA" if alpha else "RGB", seed=seed)
    samples = np.frombuffer(tile.data, np.uint8).reshape(64, 64, -1)
    data = np.tile(samples, (SIDE // 64, SIDE // 64, 1)).tobytes()
    return Picture(SIDE, SIDE, replace(tile.format, profile=profile), data)


def large_profile() -> bytes:
    """sRGB, followed by enough bytes to make it 4 MiB."""
    profile = bytearray(imagecodecs.cms_profile("srgb")) + bytearray(4 << 20)
    profile = profile[: 4 << 20]
    profile[:4] = len(profile).to_bytes(4, "big")
    return bytes(profile)


CASES: dict[str, Callable[[], Case]] = {
    "one": lambda: Case([large(1)], noise(64, 64)),
    "the same 8 times": lambda: Case([large(1)] * 8, noise(64, 64)),
    "4 different, palette": lambda: Case([large(seed) for seed in range(4)], noise(64, 64), keep_colours="palette"),
    "4 with profiles": lambda: Case([large(seed, False, large_profile()) for seed in range(4)], noise(64, 64)),
    "no regions": lambda: Case([noise(64, 64)], noise(LAYER, LAYER)),
    "regions": lambda: Case([noise(64, 64)] * REGIONS, noise(LAYER, LAYER), REGIONS),
}


def main() -> None:
    folder, network = Path(sys.argv[1]), small_network()
    for name, make in CASES.items():
        if os.fork():
            os.wait()
            continue
        try:
            torch.set_num_threads(1)
            place = folder / name.replace(" ", "-")
            place.mkdir()
            jobs = Jobs(place, network)
            jobs.run(noise(16, 16))  # loads libraries
            spec = make().spec(jobs)
            trim_heap()
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak memory
            before = megabytes("VmRSS")
            jobs.restyle(spec)
            print(json.dumps({"case": name, "megabytes": megabytes("VmHWM") - before}), flush=True)
        except BaseException:
            traceback.print_exc()
        os._exit(0)


if __name__ == "__main__":
    main()
