"""The pictures that training looks at: many of each style, in memory that rendering processes share and keep fresh."""

from __future__ import annotations

import multiprocessing as mp
from multiprocessing.context import SpawnProcess

import numpy as np
import torch
from torch import Tensor

from training.recipe import draw_style
from training.render import render


class Pictures:
    """shelf: (styles, each, side, side, 3) uint8. Every picture's seed follows from its place, so that the same
    numbers give the same shelf on every machine and with any number of processes."""

    def __init__(self, styles: int, each: int, side: int, processes: int) -> None:
        self.shelf = torch.zeros(styles, each, side, side, 3, dtype=torch.uint8).share_memory_()  # type: ignore[no-untyped-call]
        self.processes = processes
        self._refreshing: list[SpawnProcess] = []

    def fill(self) -> None:
        """Render every picture once."""
        context = mp.get_context("spawn")
        workers = [context.Process(target=_fill, args=(self.shelf, n, self.processes)) for n in range(self.processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if any(worker.exitcode for worker in workers):
            raise RuntimeError("A rendering process failed; what it said stands above.")

    def keep_fresh(self, processes: int) -> None:
        """From now on overwrite pictures with new ones of the same style, until `close`. A crop that is taken
        meanwhile may be of two pictures; both are of its style."""
        context = mp.get_context("spawn")
        for n in range(processes):
            worker = context.Process(target=_refresh, args=(self.shelf, n, processes), daemon=True)
            worker.start()
            self._refreshing.append(worker)

    def close(self) -> None:
        """Stop refreshing."""
        for worker in self._refreshing:
            worker.terminate()
            worker.join()


def _fill(shelf: Tensor, first: int, step: int) -> None:
    torch.set_num_threads(1)
    styles, each, side = shelf.shape[:3]
    for number in range(first, styles, step):
        style = draw_style(number)
        for place in range(each):
            shelf[number, place] = torch.from_numpy(render(style, number * each + place, side))


def _refresh(shelf: Tensor, first: int, step: int) -> None:
    torch.set_num_threads(1)
    styles, each, side = shelf.shape[:3]
    drawn = [draw_style(number) for number in range(styles)]
    seed = styles * each + first
    while True:
        number = seed % styles
        shelf[number, (seed // styles) % each] = torch.from_numpy(render(drawn[number], seed, side))
        seed += step


def crops(shelf: Tensor, count: int, side: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """(count, 3, side, side) float 0..1 and (count,) the style of each, on the shelf's device."""
    styles, each, whole = shelf.shape[:3]

    def draw(high: int) -> Tensor:
        return torch.randint(high, (count,), generator=random).to(shelf.device)

    label, place, top, left = draw(styles), draw(each), draw(whole - side + 1), draw(whole - side + 1)
    step = torch.arange(side, device=shelf.device)
    rows, columns = (top[:, None] + step)[:, :, None], (left[:, None] + step)[:, None, :]
    taken = shelf[label[:, None, None], place[:, None, None], rows, columns]  # (count, side, side, 3)
    return taken.permute(0, 3, 1, 2).float().div_(255), label


def recoloured(pictures: Tensor, share: float, random: torch.Generator) -> Tensor:
    """(B, 3, H, W) → the same, a `share` of them in other colours: channels mixed by a random matrix about a
    permutation, contrast from a half to one and a half, an offset. So form must be told apart from colour."""
    count = len(pictures)
    order = torch.stack([torch.randperm(3, generator=random) for _ in range(count)])
    mix = torch.eye(3)[order] + 0.35 * torch.randn(count, 3, 3, generator=random)
    contrast = 0.5 + torch.rand(count, 1, 1, generator=random)
    offset = 0.5 + 0.1 * torch.randn(count, 3, 1, 1, generator=random)
    mixed = torch.einsum("bij,bjhw->bihw", (mix * contrast).to(pictures), pictures - 0.5) + offset.to(pictures)
    chosen = (torch.rand(count, 1, 1, 1, generator=random) < share).to(pictures.device)
    return torch.where(chosen, mixed.clamp(0, 1), pictures)


def noisy(pictures: Tensor, most: float, random: torch.Generator) -> Tensor:
    """(B, 3, H, W) → the same, half of them with white noise of a deviation up to `most`."""
    level = most * torch.rand(len(pictures), 1, 1, 1, generator=random)
    level = (level * (torch.rand(len(pictures), 1, 1, 1, generator=random) < 0.5)).to(pictures.device)
    return (pictures + level * torch.randn_like(pictures)).clamp(0, 1)


def as_picture(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Rows of (side, side, 3) pictures as one sheet."""
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
