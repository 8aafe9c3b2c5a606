"""Fit a picture of any size into memory: as a whole if possible, otherwise in tiles, with as many L-BFGS pairs as fit.
Needs no torch, so that the server can recognise pictures that are too large."""

from __future__ import annotations

from dataclasses import dataclass

from velatura.pixels import LARGEST_STYLE_SIDE

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
GUIDE_BYTES = 32  # of a frame of a film, per pixel of the content: what it follows, with its weight, as made and padded
# What styles and regions take, as `tests/worker/test_memory.py` measures it.
REGION_BYTES = 20  # per region and pixel of the content: its values and weights, at the content's size and the scale's
# Of FEATURE_BYTES, per region: its weighted features of the style layers, 488 bytes per pixel in float32.
REGION_FEATURE_SHARE = 0.14
# Per pixel of each style: float32 colours and alpha, and once more the colours if they are matched to the content's.
STYLE_PIXEL_BYTES = 28
STYLE_WORK_BYTES = 44  # per pixel of the largest style, while it is decoded and its hidden pixels are filled
STYLE_SHARE = 0.5  # of what a job may take, for its styles: the content needs the rest
LARGEST_STYLE_MEGAPIXELS = LARGEST_STYLE_SIDE**2 / 1e6  # a single one is always accepted
# Of all styles of a restyle, which has at most 16 (`MAX_STYLES`), whatever the memory.
ALL_STYLES_MEGAPIXELS = 16 * LARGEST_STYLE_MEGAPIXELS

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


@dataclass(frozen=True)
class Inputs:
    """What a job holds besides its content. styles: pixels of each different style picture. regions: how many different
    ones. guided: it is a frame of a film that follows others."""

    styles: tuple[int, ...] = ()
    regions: int = 0
    guided: bool = False

    def bytes(self, content: int) -> int:
        """Estimated memory, without regions' features. content: pixels."""
        styles = sum(self.styles) * STYLE_PIXEL_BYTES + max(self.styles, default=0) * STYLE_WORK_BYTES
        return styles + content * (self.regions * REGION_BYTES + self.guided * GUIDE_BYTES)


NO_INPUTS = Inputs()
UNLIMITED = MemoryBudget(1 << 62)


def plan_memory(
    height: int, width: int, budget: MemoryBudget, element: int = 4, inputs: Inputs = NO_INPUTS, content: int = 0
) -> MemoryPlan:
    """Choose tile size and number of L-BFGS pairs. height, width: pixels of the scale, padded. element: bytes per
    number of the network. content: pixels of the content, whose size regions have."""
    pixels, base = height * width, BASE_BYTES + inputs.bytes(content)
    feature = FEATURE_BYTES[element] * budget.features * (1 + REGION_FEATURE_SHARE * inputs.regions)

    def tile_bytes(side: int) -> float:
        return min(height, side + 4 * REACH) * min(width, side + 4 * REACH) * feature

    whole = base + pixels * (feature + STATE_BYTES + PAIR_BYTES * PAIRS)
    if whole <= budget.bytes:
        return MemoryPlan(0, PAIRS, False, int(whole))
    state = base + STYLE_BYTES + pixels * STATE_BYTES
    left = budget.bytes - state - tile_bytes(COMFORTABLE_TILE)
    pairs = min(PAIRS, int(left // (pixels * PAIR_BYTES)))
    on_host = pairs < MIN_PAIRS and budget.host_bytes > 0
    if on_host:
        left = budget.host_bytes - state
        pairs, state = min(PAIRS, int(left // (pixels * PAIR_BYTES))), base + STYLE_BYTES
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


def style_megapixels_within(budget: int) -> float:
    """Return how large all styles of a job may be together if it may take so many bytes."""
    sensible = (budget - BASE_BYTES) * STYLE_SHARE / STYLE_PIXEL_BYTES / 1e6
    return min(ALL_STYLES_MEGAPIXELS, max(LARGEST_STYLE_MEGAPIXELS, sensible))


def megapixels_with_regions(limit: float, regions: int) -> float:
    """Return the largest content that takes no more memory with so many regions than one of `limit` megapixels
    without."""
    plain = STATE_BYTES + PAIR_BYTES * MIN_PAIRS
    return limit * plain / (plain + regions * REGION_BYTES)
