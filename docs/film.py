"""Makes the filmstrip of film.md: `make filmstrip`. A shot from Velatura's own samples, frame by frame and steady."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.bench.film import Frame, restyle_shot, shot
from velatura_daemon.bench.pictures import drawn
from velatura_daemon.bench.quality import as_image, cell
from velatura_daemon.imaging.contact_sheet import contact_sheet
from velatura_daemon.motion.flow import warp

PICTURE = Path(__file__).with_name("film.jpg")
WIDTH, HEIGHT = 320, 180
SHOWN = range(6, 9)  # neighbouring frames, once the strokes of the first one have settled
BRIGHTER = 4  # times, for differences


def main() -> None:
    began = time.monotonic()
    frames = shot("object", WIDTH, HEIGHT, SHOWN.stop)
    style = torch.from_numpy(drawn("night_swirls", 384, 288).copy()).permute(2, 0, 1).float() / 255
    steady_settings = StyleSettings(quality="draft")
    alone_settings = replace(steady_settings, steadiness=0)
    steady = restyle_shot(frames, style, steady_settings).results
    alone = dict(enumerate(restyle_shot(frames[SHOWN.start - 1 :], style, alone_settings).results, SHOWN.start - 1))
    rows = [[cell(frames[n].image, f"frame {n + 1}") for n in SHOWN]]
    for title, results in (("frame by frame", alone), ("steady", dict(enumerate(steady)))):
        changes = [change(results[n], results[n - 1], frames[n]) for n in SHOWN]
        print(
            f"{title}: neighbours differ by {255 * float(np.mean([float(one.mean()) for one in changes])):.1f} levels"
        )
        rows.append([cell(results[n], title) for n in SHOWN])
        rows.append([cell((BRIGHTER * one).clamp(0, 1), "difference to the frame before") for one in changes])
    as_image(contact_sheet(rows, WIDTH, HEIGHT)).save(PICTURE, quality=74, optimize=True, progressive=True)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size / 1e3:.0f} kB, {time.monotonic() - began:.0f} s")


def change(result: Tensor, before: Tensor, frame: Frame) -> Tensor:
    """(3, H, W): how a result differs from the one before, moved as the source has moved; 0 where that was hidden."""
    moved = torch.from_numpy(warp(np.ascontiguousarray(before.permute(1, 2, 0).numpy()), frame.motion))
    return (result - moved.permute(2, 0, 1)).abs() * torch.from_numpy(frame.seen)


if __name__ == "__main__":
    main()
