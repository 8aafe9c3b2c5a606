"""Mosaic: a picture cut into small square stones that follow the drawing, with grout between them (after Hausner
2001)."""

from __future__ import annotations

import numpy as np

from velatura_daemon.samples.noise import Array
from velatura_daemon.samples.raster import LIGHT_FROM, Sheet

ROUNDS = 6  # of moving each stone to the centre of its area
REACH = 2  # cells on each side in which the nearest stone is searched


def tessellate(sheet: Sheet, colours: Array, flow: Array, stone: float, seed: int, grout: Array) -> Array:
    """Cut a picture into stones of about `stone` longest sides, aligned with the flow.

    colours: (H, W, 3), 0 to 1. flow: (H, W), radians. grout: (3,), its colour. Returns (H, W, 3). Differs from the
    paper: the nearest stone is searched in neighbouring cells of a grid, not found by rendering pyramids.
    """
    rng = np.random.default_rng(seed)
    size = stone * sheet.longest
    columns, rows = max(2, round(sheet.width / size)), max(2, round(sheet.height / size))
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    pitch = np.array([sheet.width / columns, sheet.height / rows])
    middle = ((cells + rng.uniform(0.1, 0.9, cells.shape)) * pitch).astype(np.float32)

    coarse = max(1, int(size / 8))
    for _ in range(ROUNDS):
        owner, _, _, _ = _nearest(sheet, middle, flow, columns, rows, coarse)
        y, x = np.mgrid[0 : sheet.height : coarse, 0 : sheet.width : coarse]
        count = np.bincount(owner.ravel(), minlength=len(middle))
        for axis, place in enumerate((x, y)):
            moved = np.bincount(owner.ravel(), place.ravel(), len(middle)) / np.maximum(count, 1)
            middle[:, axis] = np.where(count > 0, moved, middle[:, axis])

    owner, gap, along, across = _nearest(sheet, middle, flow, columns, rows, 1)
    column, row = (np.clip(middle, 0, [sheet.width - 1, sheet.height - 1])).astype(int).T
    stone_count = len(middle)
    glaze = colours[row, column] * rng.normal(1, 0.10, (stone_count, 1)) + rng.normal(0, 0.025, (stone_count, 3))
    tilt = rng.normal(0, 0.09, (stone_count, 2))
    angle = flow[row, column]
    # Each stone is slightly tilted, so it has its own brightness, and is brighter at the edge that faces the light.
    facing = np.cos(angle) * LIGHT_FROM[0] + np.sin(angle) * LIGHT_FROM[1]
    facing_across = -np.sin(angle) * LIGHT_FROM[0] + np.cos(angle) * LIGHT_FROM[1]
    bulge = 0.14 * ((along / size) * facing[owner] + (across / size) * facing_across[owner])
    sheen = 1 + tilt[owner, 0] + bulge + tilt[owner, 1] * (along / size)
    stones = glaze[owner] * sheen[..., None]
    edge = np.clip((gap / size - 0.13) / 0.07, 0, 1)[..., None]
    bed = grout * (1 + rng.normal(0, 0.05, edge.shape))
    return np.asarray(bed + (stones * (0.82 + 0.18 * edge) - bed) * edge, dtype=np.float32)


def _nearest(
    sheet: Sheet, middle: Array, flow: Array, columns: int, rows: int, step: int
) -> tuple[Array, Array, Array, Array]:
    """For every `step`th pixel, return its stone; how much nearer that stone is than the second nearest, in pixels; and
    the position in the stone, along and across its flow. The distance is the maximum norm, rotated with the stone."""
    y, x = np.mgrid[0 : sheet.height : step, 0 : sheet.width : step].astype(np.float32)
    column, row = np.clip(middle, 0, [sheet.width - 1, sheet.height - 1]).astype(int).T
    angle = flow[row, column]
    cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    cell_x = (x * columns / sheet.width).astype(np.int32)
    cell_y = (y * rows / sheet.height).astype(np.int32)
    best, second = np.full(x.shape, np.inf, np.float32), np.full(x.shape, np.inf, np.float32)
    owner = np.zeros(x.shape, np.int32)
    along, across = np.zeros(x.shape, np.float32), np.zeros(x.shape, np.float32)
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            near_x, near_y = cell_x + dx, cell_y + dy
            there = (near_x >= 0) & (near_x < columns) & (near_y >= 0) & (near_y < rows)
            stone = np.where(there, near_y * columns + near_x, 0)
            off_x, off_y = x - middle[stone, 0], y - middle[stone, 1]
            a = off_x * cos[stone] + off_y * sin[stone]
            b = off_y * cos[stone] - off_x * sin[stone]
            far = np.where(there, np.maximum(np.abs(a), np.abs(b)), np.inf)
            nearer = far < best
            second = np.where(nearer, best, np.minimum(second, far))
            best = np.where(nearer, far, best)
            owner = np.where(nearer, stone, owner)
            along, across = np.where(nearer, a, along), np.where(nearer, b, across)
    return owner, second - best, along, across
