"""One run: every measurement in its process, a row each, and all of it as data."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from velatura.client.launch import clean_environment
from velatura_daemon.bench.end_to_end import House
from velatura_daemon.worker.environment import WORKER

Row = tuple[str, str]
STEPS = 6  # evaluations of which the time of one is taken
MOVED = [{"strength": 60}, {"strength": 75}, {"strength": 40}, {"stroke_size": 1.3}, {"keep_colours": "luminance"}]


def spread(seconds: Sequence[float]) -> str:
    """Median, range and number."""
    middle = statistics.median(seconds)
    unit, factor = ("ms", 1e3) if middle < 1 else ("s", 1)
    return (
        f"{middle * factor:.3g} {unit} ({min(seconds) * factor:.3g} – {max(seconds) * factor:.3g}, n = {len(seconds)})"
    )


def measured(what: str, as_worker: bool, **more: Any) -> dict[str, Any]:
    """One measurement, in a process of its own: with the worker's environment, or with nobody's."""
    environment = {**(WORKER if as_worker else {}), **clean_environment(os.environ)}
    command = [sys.executable, "-m", "velatura_daemon.bench.measure", json.dumps({"what": what, **more})]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


class Run:
    """What is measured, row by row; `tell` hears each. data: everything, for JSON."""

    def __init__(self, device: str, tell: Callable[[Row], None], repeats: int = 3) -> None:
        self.device, self.repeats = device, repeats
        self.tell = tell
        self.rows: list[Row] = []
        self.data: dict[str, Any] = {"to_loss": {}, "steps": {}, "whole": {}}

    def add(self, what: str, value: str) -> None:
        self.rows.append((what, value))
        self.tell(self.rows[-1])

    def machine(self) -> None:
        self.data["machine"] = found = measured("machine", True, device=self.device)
        self.add("device", f"{found['device']}, torch {found['torch']}, network in {found['arithmetic']}")
        self.add(
            "its products, float32 / bfloat16", f"{found['float32'] / 1e9:.0f} / {found['bfloat16'] / 1e9:.0f} GFLOP/s"
        )
        self.add("its copying", f"{found['copy'] / 1e9:.0f} GB/s")

    def steps(self, sides: Sequence[int]) -> None:
        """Seconds an iteration, and what share of the time the products alone would take at the device's own rate."""
        flops = measured("operations", True, device=self.device, sides=list(sides))
        machine = self.data["machine"]
        for side in sides:
            name = f"{side}²"
            both = {}
            for way, rate in (("plain", "float32"), ("ours", machine["arithmetic"])):
                try:
                    both[way] = measured(way, way == "ours", device=self.device, side=side, steps=STEPS)
                except subprocess.CalledProcessError:
                    self.add(f"{name}, {way}", "failed: too large for this machine, or see above")
                    continue
                step, floor = statistics.median(both[way]["steps"]), flops[str(side)] / machine[rate]
                self.add(
                    f"{name}, {way}, an iteration",
                    f"{spread(both[way]['steps'])}, {floor / step:.0%} of the floor's speed, "
                    f"{both[way]['memory'] / 1e9:.2f} GB",
                )
            self.data["steps"][name] = {**both, "flops": flops[str(side)]}

    def sizes(self, megapixels: Sequence[float], memory: int) -> None:
        """From small to larger than memory: seconds a megapixel and peak memory."""
        self.data["sizes"] = {}
        for each in megapixels:
            found = measured(
                "size", True, device=self.device, megapixels=each, memory=memory, steps=3 if each <= 4 else 1
            )
            self.data["sizes"][f"{each:g}"] = found
            step = statistics.median(found["steps"])
            tiles = f"tiles of {found['tile']} px, {found['work']:.2f} of the work" if found["tile"] else "in one piece"
            self.add(
                f"{each:g} megapixels, an iteration",
                f"{step:.3g} s, {step / found['side'] ** 2 * 1e6:.3g} s a megapixel, {found['memory'] / 1e9:.1f} GB, "
                f"{tiles}, "
                f"{found['pairs']} pairs",
            )

    def to_loss(self, sides: Sequence[int], steps: int, pictures: Path | None) -> None:
        """Seconds to the plain way's loss after so many evaluations, both from noise."""
        for side in sides:
            shared = {"device": self.device, "side": side, "steps": steps}
            saved = {way: str(pictures / f"{way}-{side}.png") if pictures else "" for way in ("plain", "ours")}
            plain = measured("plain", False, picture=saved["plain"], **shared)
            target = min(plain["totals"])
            runs = [
                measured("to_loss", True, target=target, picture=saved["ours"], **shared) for _ in range(self.repeats)
            ]
            self.data["to_loss"][f"{side}²"] = {"target": target, "plain": plain, "ours": runs}
            name = f"{side}², to the plain way's loss after {steps}"
            if not all(run["reached"] for run in runs):
                self.add(name, f"plain {plain['times'][-1]:.1f} s, ours NOT in {steps}")
                continue
            spent = [run["times"][-1] for run in runs]
            ratio = plain["times"][-1] / statistics.median(spent)
            self.add(
                name,
                f"plain {plain['times'][-1]:.1f} s, ours {spread(spent)}, {len(runs[0]['times'])} full iterations: "
                f"{ratio:.1f}×",
            )

    def growth(self, small: int, large: int) -> None:
        """Ours: time a megapixel at the larger size, over that at the smaller."""
        if any("ours" not in self.data["steps"][f"{side}²"] for side in (small, large)):
            return  # a row above says that it does not fit
        per_pixel = [
            statistics.median(self.data["steps"][f"{side}²"]["ours"]["steps"]) / side**2 for side in (small, large)
        ]
        self.add(f"time a megapixel, {large}² over {small}²", f"{per_pixel[1] / per_pixel[0]:.2f}")

    def setting_specs(self, side: int, quality: str, most: int | None = None) -> None:
        """A knob moved after a restyle: time to what a cold job ends with, going on from the last picture, over cold.
        most: how many of them."""
        self.data["knobs"] = measured("knob", True, device=self.device, side=side, quality=quality, moved=MOVED[:most])
        for change, found in self.data["knobs"].items():
            words = f"{side}², {quality}, moved to {change}"
            if found["warm"] is None:
                self.add(words, f"cold {found['cold']:.2f} s, warm: NOT reached")
            else:
                self.add(
                    words,
                    f"cold {found['cold']:.2f} s, warm {found['warm']:.2f} s: {found['warm'] / found['cold']:.0%}",
                )

    def whole(self, sides: Sequence[int], qualities: Sequence[str]) -> None:
        """Jobs of 4 : 3, through the daemon."""
        for side in sides:
            width, height = side, side * 3 // 4
            for quality in qualities:
                home = Path(tempfile.mkdtemp(prefix="vel-"))
                house = House(home, self.device, self.repeats)
                try:
                    found = house.cold_and_warm(width, height, quality=quality)
                    if (side, quality) == (512, "draft"):
                        found["command"] = house.command(width, height, quality=quality)
                finally:
                    house.close()
                    shutil.rmtree(home, ignore_errors=True)
                name = f"{quality}, {width} × {height}"
                self.data["whole"][name] = found
                self.add(f"{name}, first preview", f"cold {found['first_cold']:.2f} s, warm {spread(found['first'])}")
                self.add(
                    f"{name}, whole job",
                    f"cold {found['cold']:.1f} s, warm {spread(found['warm'])}, {found['memory'] / 1e9:.2f} GB",
                )
                if "command" in found:
                    self.add(f"{name}, whole command, warm", spread(found["command"]))


def plot_sizes(data: dict[str, Any], path: Path) -> None:
    """Seconds a megapixel, and gigabytes, over megapixels. Needs matplotlib."""
    from matplotlib.figure import Figure

    found = data["sizes"]
    megapixels = [run["side"] ** 2 / 1e6 for run in found.values()]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for number, (label, values) in enumerate(
        (
            (
                "seconds a megapixel, an iteration",
                [statistics.median(r["steps"]) / m for r, m in zip(found.values(), megapixels, strict=True)],
            ),
            ("peak memory, GB", [run["memory"] / 1e9 for run in found.values()]),
        ),
        1,
    ):
        axes = figure.add_subplot(1, 2, number)
        axes.plot(megapixels, values, marker="o")
        axes.set(
            xscale="log",
            xlabel="megapixels",
            ylabel=label,
            ylim=(0, 1.15 * max(values)),
            xlim=(0.6 * megapixels[0], 2 * megapixels[-1]),
        )
        axes.set_xticks(megapixels, [f"{m:.3g}" for m in megapixels], minor=False)
        for run, x, y in zip(found.values(), megapixels, values, strict=True):
            axes.annotate(
                f"tiles of {run['tile']}" if run["tile"] else "whole",
                (x, y),
                textcoords="offset points",
                xytext=(0, 7),
                ha="center",
            )
    figure.savefig(path, dpi=110)


def plot(data: dict[str, Any], path: Path) -> None:
    """Loss over seconds, both ways, a panel a size. Needs matplotlib."""
    from matplotlib.figure import Figure

    found = data["to_loss"]
    figure = Figure(figsize=(5 * len(found), 4), layout="constrained")
    for number, (side, runs) in enumerate(found.items(), 1):
        axes = figure.add_subplot(1, len(found), number)
        axes.plot(runs["plain"]["times"], runs["plain"]["totals"], label="plain, float32")
        axes.plot(
            runs["ours"][0]["times"], runs["ours"][0]["totals"], label="ours (from the full network's first evaluation)"
        )
        axes.axhline(runs["target"], color="grey", linewidth=0.8)
        axes.set(title=f"{side}, paper objective", xlabel="seconds", ylabel="loss", xscale="log", yscale="log")
        axes.legend()
    figure.savefig(path, dpi=120)
