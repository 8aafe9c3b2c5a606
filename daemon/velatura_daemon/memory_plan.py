"""How a picture of any size finds room: in one piece where that fits, else in tiles, with as much of the optimiser's
memory as there is room left for. Knows no torch, so that the front can tell a picture that is too large from the
others."""

from __future__ import annotations

from dataclasses import dataclass

GRID = 16  # pixels a cell of conv5_1 stands for: four poolings by 2
# How far the picture must go on around a tile for its features to be exact (`network.receptive_radius`), and twice as
# far for its gradient.
REACH = 96
SMALLEST = 128  # pixels a side of a tile; below that it is nearly all overlap
LARGEST = 4096

# Bytes a pixel, counted generously from what was measured on a CPU in bfloat16 (docs/performance.md, 'Any size');
# float32's are guessed from that.
FEATURES = {2: 2000, 4: 3600}  # of an evaluation with slope, by bytes a number
ON_CUDA = 0.7  # of FEATURES, on an H100: cuDNN needs no room to lay the maps out anew
STATE = 105  # of the picture: content, best, slopes, what a step holds for a moment, the content's features
PAIR = 24  # of one pair of L-BFGS's memory
BASE = 1000 << 20  # of the process, whatever the picture
STYLE = 600 << 20  # of a style at the size that goes with a picture which needs tiles

PAIRS = 10  # of L-BFGS; more gains little (docs/performance.md)
FEWEST_PAIRS = 1
COMFORTABLE = 1024  # pixels a side: fewer pairs are better than smaller tiles, which are worked on for their overlaps


@dataclass(frozen=True)
class MemoryBudget:
    """bytes: what one job may take of the device's memory. host_bytes: of the machine's, where the device has its own;
    0 where the two are one. features: how much of FEATURES an evaluation takes there."""

    bytes: int
    host_bytes: int = 0
    features: float = 1.0


@dataclass(frozen=True)
class MemoryPlan:
    """side: of tiles, 0 for the whole at once. pairs: of L-BFGS's memory. on_host: the picture and all that the
    optimiser holds lie in the machine's memory, and tiles alone on the device. bytes: what it will take of the device,
    about."""

    side: int
    pairs: int
    on_host: bool
    bytes: int


EVERYTHING = MemoryBudget(1 << 62)


def plan_memory(height: int, width: int, room: MemoryBudget, element: int = 4) -> MemoryPlan:
    """height, width: pixels, padded. element: bytes per number of the network's."""
    pixels, feature = height * width, FEATURES[element] * room.features

    def tile_bytes(side: int) -> float:
        return min(height, side + 4 * REACH) * min(width, side + 4 * REACH) * feature

    whole = BASE + pixels * (feature + STATE + PAIR * PAIRS)
    if whole <= room.bytes:
        return MemoryPlan(0, PAIRS, False, int(whole))
    state = BASE + STYLE + pixels * STATE
    left = room.bytes - state - tile_bytes(COMFORTABLE)
    pairs = min(PAIRS, int(left // (pixels * PAIR)))
    on_host = pairs < FEWEST_PAIRS and room.host_bytes > 0
    if on_host:
        left = room.host_bytes - state
        pairs, state = min(PAIRS, int(left // (pixels * PAIR))), BASE + STYLE
    pairs = max(FEWEST_PAIRS, pairs)
    if not on_host:
        state += pixels * PAIR * pairs
    side = SMALLEST
    while side < LARGEST and state + tile_bytes(side + 4 * GRID) <= room.bytes:
        side += 4 * GRID
    return MemoryPlan(side, pairs, on_host, int(state + tile_bytes(side)))


def work_factor(height: int, width: int, side: int) -> float:
    """How much more a picture in tiles is to compute than the same in one piece: half of it, the way back with the
    forward before it, over tiles with twice the overlap, and the first pass's forward."""
    if not side:
        return 1.0
    rows, columns = -(-height // side), -(-width // side)

    def area(overlap: int) -> float:
        def length(whole: int, pieces: int) -> float:
            return whole + 2 * overlap * (pieces - 1)

        return length(height, rows) * length(width, columns) / (height * width)

    return 0.5 * area(REACH) + area(2 * REACH)


def most_megapixels(room: int) -> float:
    """What fits into so many bytes, with the fewest pairs and tiles that are still sensible."""
    tile = (COMFORTABLE // 2 + 4 * REACH) ** 2 * FEATURES[4]
    return max(1.0, (room - BASE - STYLE - tile) / (STATE + PAIR * FEWEST_PAIRS) / 1e6)
