"""Fit a picture of any size into memory: as a whole if possible, otherwise in tiles, with as many L-BFGS pairs as fit.
Needs no torch, so that the server can recognise pictures that are too large."""

from __future__ import annotations

from dataclasses import dataclass

GRID = 16  # pixels per cell of conv5_1: four poolings by 2
# Pixels around a tile that its features depend on (`network.receptive_radius`); its gradient depends on twice as many.
REACH = 96
SMALLEST_TILE = 128  # pixels per side; a smaller tile is nearly all overlap
LARGEST_TILE = 4096  # pixels per side

# Bytes per pixel: generous estimates from measurements on a CPU in bfloat16 (docs/performance.md, 'Large images');
# those for float32 are extrapolated.
FEATURE_BYTES = {2: 2000, 4: 3600}  # of an evaluation with gradient, by bytes per number
CUDA_FEATURE_SHARE = 0.7  # of FEATURE_BYTES, on an H100: cuDNN needs no memory to rearrange feature maps
STATE_BYTES = 105  # content, best image, gradients, temporaries of a step, features of the content
PAIR_BYTES = 24  # one pair of the L-BFGS history

BASE_BYTES = 1000 << 20  # of the process, for any picture
STYLE_BYTES = 600 << 20  # of a style at the size that a picture in tiles uses

PAIRS = 10  # in the L-BFGS history; more gains little (docs/performance.md)
MIN_PAIRS = 1
# Pixels per side of a tile. Down to this size, smaller tiles are preferred to fewer pairs; below it, fewer pairs are
# better, because small tiles spend most of their time on overlaps.
COMFORTABLE_TILE = 1024


@dataclass(frozen=True)
class MemoryBudget:
    """bytes: device memory that one job may take. host_bytes: machine memory that it may take, if the device has its
    own memory; 0 if the two are the same. features: share of FEATURE_BYTES that an evaluation takes on this device."""

    bytes: int
    host_bytes: int = 0
    features: float = 1.0


@dataclass(frozen=True)
class MemoryPlan:
    """side: of the tiles in pixels, 0 to process the picture as a whole. pairs: in the L-BFGS history. on_host: whether
    the picture and the optimiser's state are kept in the machine's memory, and only tiles on the device. bytes:
    estimated device memory."""

    side: int
    pairs: int
    on_host: bool
    bytes: int


UNLIMITED = MemoryBudget(1 << 62)


def plan_memory(height: int, width: int, budget: MemoryBudget, element: int = 4) -> MemoryPlan:
    """Choose tile size and number of L-BFGS pairs. height, width: pixels, padded. element: bytes per number of the
    network."""
    pixels, feature = height * width, FEATURE_BYTES[element] * budget.features

    def tile_bytes(side: int) -> float:
        return min(height, side + 4 * REACH) * min(width, side + 4 * REACH) * feature

    whole = BASE_BYTES + pixels * (feature + STATE_BYTES + PAIR_BYTES * PAIRS)
    if whole <= budget.bytes:
        return MemoryPlan(0, PAIRS, False, int(whole))
    state = BASE_BYTES + STYLE_BYTES + pixels * STATE_BYTES
    left = budget.bytes - state - tile_bytes(COMFORTABLE_TILE)
    pairs = min(PAIRS, int(left // (pixels * PAIR_BYTES)))
    on_host = pairs < MIN_PAIRS and budget.host_bytes > 0
    if on_host:
        left = budget.host_bytes - state
        pairs, state = min(PAIRS, int(left // (pixels * PAIR_BYTES))), BASE_BYTES + STYLE_BYTES
    pairs = max(MIN_PAIRS, pairs)
    if not on_host:
        state += pixels * PAIR_BYTES * pairs
    side = SMALLEST_TILE
    while side < LARGEST_TILE and state + tile_bytes(side + 4 * GRID) <= budget.bytes:
        side += 4 * GRID
    return MemoryPlan(side, pairs, on_host, int(state + tile_bytes(side)))


def work_factor(height: int, width: int, side: int) -> float:
    """Return how much more computation a picture takes in tiles than as a whole. Half of it: backward pass with the
    forward pass before it, over tiles with twice the overlap; plus the forward pass of the first sweep."""
    if not side:
        return 1.0
    rows, columns = -(-height // side), -(-width // side)

    def area(overlap: int) -> float:
        def length(whole: int, pieces: int) -> float:
            return whole + 2 * overlap * (pieces - 1)

        return length(height, rows) * length(width, columns) / (height * width)

    return 0.5 * area(REACH) + area(2 * REACH)


def megapixels_within(budget: int) -> float:
    """Return the largest picture that fits into so many bytes, with MIN_PAIRS and the smallest sensible tiles."""
    tile = (COMFORTABLE_TILE // 2 + 4 * REACH) ** 2 * FEATURE_BYTES[4]
    return max(1.0, (budget - BASE_BYTES - STYLE_BYTES - tile) / (STATE_BYTES + PAIR_BYTES * MIN_PAIRS) / 1e6)
