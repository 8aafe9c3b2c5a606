"""docs/farm/studio.json and its plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.studio import painters as assumed
from tests.bench.studio import simulate as machines
from tests.bench.studio.model import LOOKS, Times, check, fitted
from tests.bench.studio.simulate import Choose, Counted, any_hand, best_hand, one_job_a_painter, studio_of

FOLDER = Path("docs/farm")
SEED = 9
WARM_UP = 900.0  # seconds

# Painters, hours that are counted, and GPUs. Few painters need many hours until a hundredth of their waits is many.
STUDIOS = ((20, 48.0, (1, 2, 3, 4)), (200, 6.0, (6, 7, 8, 10, 12)), (2000, 0.5, (54, 58, 62, 68, 76)))
OTHERWISE = ((20, 48.0, 2), (200, 6.0, 8))  # the same with another choice of the hand
OF_THEIR_OWN = (200, 6.0, 24)  # each painter's daemon would hold GPUs of its own; there are so many that nobody waits …
IDLE = (600.0, 60.0, 20.0, 5.0)  # … and so many seconds after a job one is given back
SIZES = ((1024, 768), (1920, 1080), (2480, 3508), (4961, 3508))


def row(painters: int, gpus: int, hours: float, counted: Counted) -> dict[str, Any]:
    """What a run came to. Waits in seconds."""
    seconds = 3600 * hours
    waits = counted.waits
    last = [*waits.get("good", []), *waits.get("best", [])]
    jobs = sum(map(len, waits.values()))
    p50, p99 = (lambda of, share=share: round(float(np.percentile(of, share)), 3) if of else None for share in (50, 99))
    return {
        "painters": painters, "gpus": gpus, "hours": hours, "jobs": jobs, "jobs_an_hour": round(jobs / hours),
        "tries_p50": p50(waits.get("try")), "tries_p99": p99(waits.get("try")),
        "good_and_best_p50": p50(last), "good_and_best_p99": p99(last),
        "frames_p50": p50(waits.get("frame")), "frames_p99": p99(waits.get("frame")),
        "frames_an_hour": round(len(waits.get("frame", [])) / hours),
        "utilisation": round(counted.busy / seconds / gpus, 3), "warm": round(counted.warm[True] / max(1, counted.warm.total()), 3),
        "replaced": round(counted.replaced / max(1, jobs), 3),
        "layers_mb_a_second": round(counted.layer_bytes / seconds / 1e6, 2), "to_hands_mb_a_second": round(counted.hand_bytes / seconds / 1e6, 2),
        "results_mb_a_second": round(counted.result_bytes / seconds / 1e6, 2),
    }  # fmt: skip


def simulated(times: Times, studios: Sequence[tuple[int, float, Sequence[int]]], choose: Choose, seed: int = SEED) -> list[dict[str, Any]]:
    """A row for each number of painters and GPUs."""
    rows = []
    for painters, hours, some in studios:
        for gpus in some:
            counted = studio_of(painters, gpus, seed, times, choose).run(3600 * hours, WARM_UP)
            rows.append(row(painters, gpus, hours, counted))
            print(rows[-1], flush=True)
    return rows


def held(spans: Sequence[tuple[str, float, float]], idle: float, since: float, until: float) -> float:
    """How many GPUs are held on the average where each client has one of its own from a job's beginning until so many seconds after
    its last; what it does at once on several counts once."""
    by_client: dict[str, list[tuple[float, float]]] = {}
    for client, begun, done in sorted(spans, key=lambda span: span[1]):
        by_client.setdefault(client, []).append((begun, done + idle))
    seconds = 0.0
    for some in by_client.values():
        reached = since
        for begun, given_back in some:
            seconds += max(0.0, min(given_back, until) - max(begun, reached))
            reached = max(reached, min(given_back, until))
    return seconds / (until - since)


def of_their_own(times: Times, seed: int = SEED) -> dict[str, Any]:
    """GPUs held and GPUs at work, by the seconds after which an idle one is given back."""
    painters, hours, gpus = OF_THEIR_OWN
    counted = studio_of(painters, gpus, seed, times).run(3600 * hours, WARM_UP)
    until = WARM_UP + 3600 * hours
    return {"painters": painters, "at_work": round(counted.busy / (3600 * hours), 2),
            "held": {f"{idle:g}": round(held(counted.spans, idle, WARM_UP, until), 1) for idle in IDLE}}  # fmt: skip


def hourly(times: Times) -> list[dict[str, Any]]:
    """Jobs an hour of one GPU that never waits, warm but for their targets; `again`: from the layer's last picture, its targets there."""
    return [{"quality": quality, "width": width, "height": height, "seconds": round(times.work(quality, width, height, is_warm=False), 2),
             "an_hour": round(3600 / times.work(quality, width, height, is_warm=False)),
             "again_seconds": round(times.work(quality, width, height, goes_on=True), 2)}
            for quality in ("draft", "good", "best") for width, height in SIZES]  # fmt: skip


def whole() -> dict[str, Any]:
    """All that the page tells of."""
    times = fitted()
    otherwise = [(painters, hours, [gpus]) for painters, hours, gpus in OTHERWISE]
    return {
        "seed": SEED,
        "model": {**{name: round(value, 4) for name, value in vars(times).items()}, "looks": LOOKS, "check": check(times)},
        "hourly": hourly(times),
        "assumed": {
            **{name.lower(): value for name, value in vars(assumed).items() if name.isupper()},
            "to_the_daemon_bytes_a_second": machines.TO_THE_DAEMON, "to_the_hand_bytes_a_second": machines.TO_THE_HAND,
        },
        "waiting": simulated(times, STUDIOS, best_hand),
        "gpus_of_their_own": of_their_own(times),
        "any_hand": simulated(times, otherwise, any_hand),
        "one_job_a_painter": simulated(times, otherwise, one_job_a_painter),
    }  # fmt: skip


def write(report: dict[str, Any]) -> list[Path]:
    """Returns what was written; without matplotlib there is no plot."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    figures = FOLDER / "studio.json"
    figures.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    try:
        return [figures, plot(report["waiting"], FOLDER / "waiting.png")]
    except ImportError:
        return [figures]


def plot(rows: list[dict[str, Any]], path: Path) -> Path:
    """Waits over GPUs, a panel a studio. Raises ImportError."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = sorted({row["painters"] for row in rows})
    figure, axes = pyplot.subplots(1, len(sizes), figsize=(11, 3.8), layout="constrained")
    lines = (("frames_p99", "a frame of a folder, 99th percentile", "C7", "--"), ("frames_p50", "a frame, median", "C8", ":"),
             ("tries_p99", "a painter's try, 99th percentile", "C0", "-"), ("tries_p50", "a try, median", "C2", "-"))  # fmt: skip
    for axis, painters in zip(axes, sizes, strict=True):
        some = [row for row in rows if row["painters"] == painters]
        gpus = [row["gpus"] for row in some]
        for name, words, colour, style in lines:
            axis.plot(gpus, [row[name] for row in some], style, marker="o", markersize=4, color=colour, label=words)
        axis.set_title(f"{painters:,} painters")
        axis.set_xticks(gpus)
        axis.set_xlabel("GPUs (H100)")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("seconds until a GPU begins")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return path
