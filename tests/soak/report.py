"""docs/reliability/soak.json and its plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path("docs/reliability")


def write(report: dict[str, Any]) -> list[Path]:
    """Returns what was written; without matplotlib there is no plot."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    figures = FOLDER / "soak.json"
    figures.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    try:
        return [figures, plot(report, FOLDER / "soak.png")]
    except ImportError:
        return [figures]


def plot(report: dict[str, Any], path: Path) -> Path:
    """Memory, open files, results a minute and the worst wait over time. Raises ImportError."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    samples = report["samples"]
    minutes = [sample["at"] / 60 for sample in samples]
    figure, axes = pyplot.subplots(4, 1, figsize=(9, 9), sharex=True, layout="constrained")
    for name, words in (("front_mb", "front"), ("worker_mb", "worker")):
        axes[0].plot(minutes, [sample[name] or None for sample in samples], label=words)
        axes[1].plot(minutes, [sample[name.replace("mb", "files")] or None for sample in samples], label=words)
    rates = [
        60 * (b["results"] - a["results"]) / max(b["at"] - a["at"], 1e-9)
        for a, b in zip(samples, samples[10:], strict=False)
    ]
    axes[2].plot(minutes[10:], rates)
    axes[3].plot(
        [at / 60 for at, _ in report["worst_waits"]],
        [worst for _, worst in report["worst_waits"]],
        drawstyle="steps-post",
    )
    axes[3].axhline(2, linestyle=":", color="grey")
    for axis, words in zip(
        axes, ("resident memory, MB", "open files", "results a minute", "worst wait, shares"), strict=True
    ):
        axis.set_ylabel(words)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].legend()
    axes[1].legend()
    axes[3].set_xlabel("minutes")
    figure.suptitle(
        f"{report['clients']} clients, {report['jobs']['asked']:,} jobs, {report['seconds'] / 60:.0f} minutes"
    )
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
    return path
