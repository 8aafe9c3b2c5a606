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

SECONDS_BETWEEN_COPIES, SECONDS_BETWEEN_WORDS, SECONDS_BETWEEN_CHECKPOINTS = 20, 20, 120


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
    seed: int = 19


@dataclass
class Report:
    """What was done, for the model card."""

    steps: int = 0
    crops: int = 0
    seconds: float = 0.0
    accuracy: dict[str, float] | None = None


def train(plan: Plan, checkpoint: Path, device: torch.device, processes: int, say: Callable[[str], None]) -> Report:
    """Trains as long as the plan says, and leaves the pupil in `checkpoint` with the plan and report beside it.

    Time spent before an interruption counts. On a GPU the pictures are rendered anew all the while; two cores have
    better things to do.
    """
    pictures = Pictures(plan.styles, plan.each, plan.side, processes)
    began = time.monotonic()
    pictures.fill()
    say(f"{plan.styles * plan.each} pictures in {time.monotonic() - began:.0f} s")
    lessons = Lessons(plan, checkpoint, device)
    if lessons.report.steps:
        say(f"going on from step {lessons.report.steps}, {lessons.report.seconds:.0f} s")
    changing = device.type != "cpu"
    if changing:
        pictures.keep_fresh(max(1, processes - 2))
    try:
        shelf = pictures.shelf.to(device)
        now, copied, said, saved = time.monotonic(), *[lessons.report.seconds] * 3
        while lessons.report.seconds < plan.minutes * 60:
            lessons.step(shelf)
            before, now = now, time.monotonic()
            lessons.report.seconds += now - before
            spent = lessons.report.seconds
            if changing and spent > copied + SECONDS_BETWEEN_COPIES:
                shelf, copied = pictures.shelf.to(device), spent
            if spent > said + SECONDS_BETWEEN_WORDS:
                lessons.mark()
                say(f"{spent:.0f} s, {lessons.report.crops} crops, right at each layer: {lessons.report.accuracy}")
                said = spent
            if spent > saved + SECONDS_BETWEEN_CHECKPOINTS:
                lessons.save()
                saved = spent
        lessons.save()
        return lessons.report
    finally:
        pictures.close()


class Lessons:
    """The pupil, what teaches it, and how far they have come."""

    def __init__(self, plan: Plan, checkpoint: Path, device: torch.device) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.checkpoint, self.device = plan, checkpoint, device
        self.pupil = Pupil(plan.styles, plan.width, plan.depth).to(device)
        self.pupil.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.pupil.parameters(), lr=plan.rate, weight_decay=plan.decay)
        self.report = Report()
        if checkpoint.exists():
            kept = torch.load(checkpoint, map_location=device, weights_only=True)
            self.pupil.load_state_dict(kept["pupil"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.report = Report(**kept["report"])
        self.random = torch.Generator().manual_seed(plan.seed + self.report.steps)
        self._right: list[Tensor] = []  # (layers,) a step, on the device

    def step(self, shelf: Tensor) -> None:
        """Look at a batch, learn from it. shelf: as in `Pictures`, on the device."""
        plan = self.plan
        done = self.report.seconds / (plan.minutes * 60)
        for group in self.optimiser.param_groups:  # a warm start, then evenly down to a fiftieth
            group["lr"] = plan.rate * min(1.0, (self.report.steps + 1) / 100) * max(0.02, 1 - done)
        x, style = crops(shelf, plan.batch, plan.crop, self.random)
        x = noisy(recoloured(x, plan.recoloured, self.random), plan.noise, self.random)  # (B, 3, crop, crop)
        with torch.autocast(self.device.type, torch.bfloat16):
            opinions = self.pupil(x)
        losses = [F.cross_entropy(o.float(), style, label_smoothing=0.05) for o in opinions.values()]
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(losses).mean().backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self._right.append(torch.stack([(o.argmax(1) == style).float().mean() for o in opinions.values()]))
        self.report.steps += 1
        self.report.crops += plan.batch

    def mark(self) -> None:
        """Put into the report what share each judge has told right since the last time."""
        if self._right:
            shares = torch.stack(self._right).mean(0).tolist()
            self.report.accuracy = {name: round(s, 3) for name, s in zip(self.pupil.judges_at, shares, strict=True)}
            self._right.clear()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all, and plan and report beside it."""
        self.mark()
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        report = asdict(self.report)
        fresh = self.checkpoint.with_suffix(".new")
        torch.save(
            {"pupil": self.pupil.state_dict(), "optimiser": self.optimiser.state_dict(), "report": report}, fresh
        )
        fresh.replace(self.checkpoint)
        notes = json.dumps({"plan": asdict(self.plan), "report": report, "device": _named(self.device)}, indent=1)
        self.checkpoint.with_suffix(".json").write_text(notes)


def _named(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
