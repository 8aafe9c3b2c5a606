"""Training: crops of many styles, which style is it? Goes on from its checkpoint where it was cut off."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.pictures import Pictures, crops, noisy, recoloured
from training.pupil import Pupil


@dataclass(frozen=True)
class Plan:
    """All that decides what comes out, but for the machine's speed."""

    width: float = 1.0
    depth: str = "conv5_1"
    minutes: float = 60.0
    styles: int = 280
    each: int = 40
    side: int = 112  # pixels a picture
    crop: int = 32  # pixels a crop
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.02
    recoloured: float = 0.5
    noise: float = 0.04  # deviation, at most, of white noise on half of the crops: filters that ring are no help
    robustness: float = 0.0  # length of the step against the network, per pixel and channel, 0..1
    seed: int = 19


@dataclass
class Report:
    """What was done, for the model card."""

    steps: int = 0
    crops: int = 0
    seconds: float = 0.0
    accuracy: dict[str, float] | None = None


def train(plan: Plan, checkpoint: Path, device: torch.device, processes: int, say: Callable[[str], None]) -> Report:
    """Trains as long as the plan says and leaves the folded weights' source in `checkpoint`.

    The rate falls evenly to a fiftieth over the plan's minutes; time spent before an interruption counts.
    """
    pictures = Pictures(plan.styles, plan.each, plan.side, processes)
    began = time.monotonic()
    pictures.fill()
    say(f"{plan.styles * plan.each} pictures in {time.monotonic() - began:.0f} s")
    fresh = device.type != "cpu"
    if fresh:
        pictures.keep_fresh(max(1, processes - 2))
    try:
        return _train(plan, checkpoint, device, pictures.shelf, fresh, say)
    finally:
        pictures.close()


def _train(
    plan: Plan, checkpoint: Path, device: torch.device, shared: Tensor, fresh: bool, say: Callable[[str], None]
) -> Report:
    torch.manual_seed(plan.seed)
    pupil = Pupil(plan.styles, plan.width, plan.depth).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(pupil.parameters(), lr=plan.rate, weight_decay=plan.decay)
    report = Report()
    if checkpoint.exists():
        kept = torch.load(checkpoint, map_location=device, weights_only=True)
        pupil.load_state_dict(kept["pupil"])
        optimiser.load_state_dict(kept["optimiser"])
        report = Report(**kept["report"])
        say(f"going on from step {report.steps}, {report.seconds:.0f} s")
    random = torch.Generator().manual_seed(plan.seed + report.steps)
    shelf, copied = shared.to(device), time.monotonic()
    right = dict.fromkeys(pupil.judges_at, 0.0)
    last = time.monotonic()
    saved = said = report.seconds
    seen = 0
    while report.seconds < plan.minutes * 60:
        share = report.seconds / (plan.minutes * 60)
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * min(1.0, (report.steps + 1) / 100) * max(0.02, 1 - share)
        if fresh and time.monotonic() > copied + 20:
            shelf, copied = shared.to(device), time.monotonic()
        x, label = crops(shelf, plan.batch, plan.crop, random)
        x = noisy(recoloured(x, plan.recoloured, random), plan.noise, random)
        opinions, slope = _learn(pupil, optimiser, x, label, plan.robustness > 0)
        if slope is not None:
            length = (
                plan.robustness * slope[0].numel() ** 0.5 * torch.rand(len(x), 1, 1, 1, generator=random).to(device)
            )
            step = slope / slope.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
            _learn(pupil, optimiser, (x + length * step).clamp(0, 1), label, False)
        for name, opinion in opinions.items():
            right[name] += float((opinion.argmax(1) == label).float().mean())
        seen += 1
        report.steps += 1
        report.crops += len(x)
        now = time.monotonic()
        report.seconds, last = report.seconds + now - last, now
        if report.seconds > said + 20:
            report.accuracy = {name: round(r / seen, 3) for name, r in right.items()}
            say(f"{report.seconds:.0f} s, {report.crops} crops, {report.accuracy}")
            right, seen, said = dict.fromkeys(right, 0.0), 0, report.seconds
        if report.seconds > saved + 120:
            _save(checkpoint, pupil, optimiser, report, plan)
            saved = report.seconds
    _save(checkpoint, pupil, optimiser, report, plan)
    return report


def _learn(
    pupil: Pupil, optimiser: torch.optim.Optimizer, x: Tensor, label: Tensor, want_slope: bool
) -> tuple[dict[str, Tensor], Tensor | None]:
    """One step. Returns the judges' opinions and, where wanted, the loss's slope in the pictures."""
    x = x.detach().requires_grad_(want_slope)
    with torch.autocast(x.device.type, torch.bfloat16):
        opinions = pupil(x)
        loss = torch.stack([F.cross_entropy(o.float(), label, label_smoothing=0.05) for o in opinions.values()]).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return {name: o.detach() for name, o in opinions.items()}, x.grad


def _save(checkpoint: Path, pupil: Pupil, optimiser: torch.optim.Optimizer, report: Report, plan: Plan) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    fresh = checkpoint.with_suffix(".new")
    torch.save({"pupil": pupil.state_dict(), "optimiser": optimiser.state_dict(), "report": asdict(report)}, fresh)
    fresh.replace(checkpoint)
    checkpoint.with_suffix(".json").write_text(json.dumps({"plan": asdict(plan), "report": asdict(report)}, indent=1))
