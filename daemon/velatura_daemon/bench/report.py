"""A benchmark run: each measurement in its own process; results as rows of text and as data."""

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

from velatura.client.environment import clean_environment
from velatura.i18n import _, numbers, pgettext
from velatura_daemon.bench.end_to_end import IsolatedDaemon
from velatura_daemon.worker.environment import WORKER

Row = tuple[str, str]
# Ctrl-C reaches the measuring process too, and should end it without a traceback.
MEASURE = (  # not translated: a program
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    "from velatura_daemon.bench.measure import main; main()"
)
STEPS = 6  # evaluations from which the time of one is computed
CHANGES = [{"strength": 60}, {"strength": 75}, {"strength": 40}, {"stroke_size": 1.3}, {"keep_colours": "luminance"}]


def spread(seconds: Sequence[float]) -> str:
    """Format the median, the range and the number of measurements."""
    median = statistics.median(seconds)
    factor = 1e3 if median < 1 else 1
    values = {
        "median": median * factor,
        "least": min(seconds) * factor,
        "most": max(seconds) * factor,
        "number": len(seconds),
    }
    if median < 1:
        # Translators: the median of some measurements, their range and their number.
        return _("{median:.3g} ms ({least:.3g} – {most:.3g}, n = {number})").format(**values)
    return _("{median:.3g} s ({least:.3g} – {most:.3g}, n = {number})").format(**values)


def measure(what: str, as_worker: bool, **parameters: Any) -> dict[str, Any]:
    """Run a measurement in its own process, in a worker's environment or in a normal one."""
    environment = {**(WORKER if as_worker else {}), **clean_environment(os.environ)}
    command = [sys.executable, "-c", MEASURE, json.dumps({"what": what, **parameters})]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


class BenchRun:
    """Runs measurements. on_row: called with each row. rows: all rows. data: all numbers, for JSON."""

    def __init__(self, device: str, on_row: Callable[[Row], None], repeats: int = 3) -> None:
        self.device, self.repeats = device, repeats
        self.on_row = on_row
        self.rows: list[Row] = []
        self.data: dict[str, Any] = {"to_loss": {}, "steps": {}, "whole": {}}

    def add(self, what: str, value: str) -> None:
        self.rows.append((what, value))
        self.on_row(self.rows[-1])

    def machine(self) -> None:
        self.data["machine"] = found = measure("machine", True, device=self.device)
        # Translators: arithmetic: such as bfloat16.
        device = _("{device}, torch {version}, network in {arithmetic}").format(
            device=found["device"], version=found["torch"], arithmetic=found["arithmetic"]
        )
        self.add(pgettext("benchmark", "device"), device)
        self.add(
            _("matrix products, float32 / bfloat16"),
            _("{float32:.0f} / {bfloat16:.0f} GFLOP/s").format(
                float32=found["float32"] / 1e9, bfloat16=found["bfloat16"] / 1e9
            ),
        )
        # Translators: how fast memory is copied.
        self.add(pgettext("benchmark", "copying"), _("{gigabytes:.0f} GB/s").format(gigabytes=found["copy"] / 1e9))

    def steps(self, sides: Sequence[int]) -> None:
        """Measure seconds per iteration, relative to the time that the matrix products alone would take at the device's
        peak rate."""
        flops = measure("operations", True, device=self.device, sides=list(sides))
        machine = self.data["machine"]
        for side in sides:
            name = f"{side}²"
            both = {}
            for implementation, rate in (("plain", "float32"), ("ours", machine["arithmetic"])):
                try:
                    both[implementation] = measure(
                        implementation, implementation == "ours", device=self.device, side=side, steps=STEPS
                    )
                except subprocess.CalledProcessError:
                    self.add(
                        f"{name}, {_shown(implementation)}",
                        _("failed: too large for this machine, or see the error above"),
                    )
                    continue
                step, floor = statistics.median(both[implementation]["steps"]), flops[str(side)] / machine[rate]
                # Translators: size: such as 512²; implementation: “plain” or “ours”.
                what = _("{size}, {implementation}, per iteration").format(
                    size=name, implementation=_shown(implementation)
                )
                # Translators: time: such as “20 ms (19 – 22, n = 5)”.
                value = _("{time}, {share:.0%} of peak speed, {gigabytes:.2f} GB").format(
                    time=spread(both[implementation]["steps"]),
                    share=floor / step,
                    gigabytes=both[implementation]["memory"] / 1e9,
                )
                self.add(what, value)
            self.data["steps"][name] = {**both, "flops": flops[str(side)]}

    def sizes(self, megapixels: Sequence[float], memory: int) -> None:
        """Measure seconds per megapixel and peak memory, for sizes up to larger than memory."""
        self.data["sizes"] = {}
        for each in megapixels:
            found = measure(
                "size", True, device=self.device, megapixels=each, memory=memory, steps=3 if each <= 4 else 1
            )
            self.data["sizes"][f"{each:g}"] = found
            step = statistics.median(found["steps"])
            # Translators: how a picture is computed that does not fit into memory.
            in_tiles = _("tiles of {side} px, {work:.2f} times the computation").format(
                side=found["tile"], work=found["work"]
            )
            # Translators: tiles: “as a whole” or “tiles of 512 px, …”; pairs: of the L-BFGS history.
            value = _(
                "{seconds:.3g} s, {per_megapixel:.3g} s per megapixel, {gigabytes:.1f} GB, {tiles}, {pairs} pairs"
            ).format(
                seconds=step,
                per_megapixel=step / found["side"] ** 2 * 1e6,
                gigabytes=found["memory"] / 1e9,
                # Translators: how a picture is computed: not in tiles.
                tiles=in_tiles if found["tile"] else _("as a whole"),
                pairs=found["pairs"],
            )
            self.add(_("{megapixels:g} megapixels, per iteration").format(megapixels=each), value)

    def to_loss(self, sides: Sequence[int], steps: int, pictures: Path | None) -> None:
        """Measure the seconds to the loss that the plain implementation reaches after `steps` evaluations, both from
        noise."""
        for side in sides:
            shared = {"device": self.device, "side": side, "steps": steps}
            saved = {which: str(pictures / f"{which}-{side}.png") if pictures else "" for which in ("plain", "ours")}
            plain = measure("plain", False, picture=saved["plain"], **shared)
            target = min(plain["totals"])
            runs = [
                measure("to_loss", True, target=target, picture=saved["ours"], **shared) for _ in range(self.repeats)
            ]
            self.data["to_loss"][f"{side}²"] = {"target": target, "plain": plain, "ours": runs}
            # Translators: the time to the loss that the plain implementation reaches after some steps.
            name = _("{side}², to the loss of plain after {steps}").format(side=side, steps=steps)
            if not all(run["reached"] for run in runs):
                missed = _("plain {seconds:.1f} s, ours did NOT reach it in {steps}")
                self.add(name, missed.format(seconds=plain["times"][-1], steps=steps))
                continue
            durations = [run["times"][-1] for run in runs]
            # Translators: plain and ours: two implementations. ours: such as “20 s (19 – 22, n = 5)”.
            value = _("plain {plain:.1f} s, ours {ours}, {number} full iterations: {ratio:.1f}×").format(
                plain=plain["times"][-1],
                ours=spread(durations),
                number=len(runs[0]["times"]),
                ratio=plain["times"][-1] / statistics.median(durations),
            )
            self.add(name, value)

    def growth(self, small: int, large: int) -> None:
        """Compare our time per megapixel at two sizes."""
        if any("ours" not in self.data["steps"][f"{side}²"] for side in (small, large)):
            return  # an earlier row says that it does not fit
        per_pixel = [
            statistics.median(self.data["steps"][f"{side}²"]["ours"]["steps"]) / side**2 for side in (small, large)
        ]
        # Translators: the ratio of the times at two sizes of pictures.
        what = _("time per megapixel, {large}² over {small}²").format(large=large, small=small)
        self.add(what, numbers.number(per_pixel[1] / per_pixel[0], ".2f"))

    def setting_changes(self, side: int, quality: str, limit: int | None = None) -> None:
        """Measure how long it takes to continue from the previous result after a setting has changed, relative to a
        cold job. limit: number of changes to measure."""
        shared = {"device": self.device, "side": side, "quality": quality}
        self.data["setting_changes"] = measure("setting_changes", True, changes=CHANGES[:limit], **shared)
        for change, found in self.data["setting_changes"].items():
            # Translators: change: a setting and its value.
            name = _("{side}², {quality}, changed to {change}").format(side=side, quality=quality, change=change)
            if found["warm"] is None:
                # Translators: cold: with nothing prepared. warm: continued from a result.
                value = _("cold {cold:.2f} s, warm: did NOT reach the loss").format(cold=found["cold"])
            else:
                value = _("cold {cold:.2f} s, warm {warm:.2f} s: {share:.0%}").format(
                    share=found["warm"] / found["cold"], **found
                )
            self.add(name, value)

    def whole(self, sides: Sequence[int], qualities: Sequence[str]) -> None:
        """Measure complete jobs in the format 4:3 through the daemon."""
        for side in sides:
            width, height = side, side * 3 // 4
            for quality in qualities:
                home = Path(tempfile.mkdtemp(prefix="vel-"))
                daemon = IsolatedDaemon(home, self.device, self.repeats)
                try:
                    found = daemon.cold_and_warm(width, height, quality=quality)
                    if (side, quality) == (512, "draft"):
                        found["command"] = daemon.command(width, height, quality=quality)
                finally:
                    daemon.close()
                    shutil.rmtree(home, ignore_errors=True)
                name = f"{quality}, {width} × {height}"
                self.data["whole"][name] = found
                # Translators: job: such as “draft, 512 × 384”.
                first_preview = _("{job}, first preview").format(job=name)
                # Translators: warm: such as “20 ms (19 – 22, n = 5)”.
                value = _("cold {cold:.2f} s, warm {warm}").format(
                    cold=found["first_cold"], warm=spread(found["first"])
                )
                self.add(first_preview, value)
                whole = _("cold {cold:.1f} s, warm {warm}, {gigabytes:.2f} GB").format(
                    cold=found["cold"], warm=spread(found["warm"]), gigabytes=found["memory"] / 1e9
                )
                self.add(_("{job}, whole job").format(job=name), whole)
                if "command" in found:
                    self.add(_("{job}, whole command, warm").format(job=name), spread(found["command"]))


def _shown(implementation: str) -> str:
    # Translators: the plain implementation, with which ours is compared.
    return pgettext("benchmark", "plain") if implementation == "plain" else pgettext("benchmark", "ours")


def plot_sizes(data: dict[str, Any], path: Path) -> None:  # not translated: matplotlib's font lacks many letters
    """Plot seconds per megapixel and gigabytes over megapixels. Needs matplotlib."""
    from matplotlib.figure import Figure

    found = data["sizes"]
    megapixels = [run["side"] ** 2 / 1e6 for run in found.values()]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    seconds = [statistics.median(run["steps"]) / m for run, m in zip(found.values(), megapixels, strict=True)]
    gigabytes = [run["memory"] / 1e9 for run in found.values()]
    panels = (("seconds per megapixel and iteration", seconds), ("peak memory, GB", gigabytes))
    for number, (label, values) in enumerate(panels, 1):
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


def plot(data: dict[str, Any], path: Path) -> None:  # not translated: matplotlib's font lacks many letters
    """Plot loss over seconds for both implementations, one panel per size. Needs matplotlib."""
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
