"""Pictures in work, small: for previews, and as JPEGs for lists of what was made."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from velatura_daemon.engine.colour import restore_colours
from velatura_daemon.engine.geometry import resize

THUMBNAIL_SIDE = 128  # pixels, the longer one
QUALITY = 82


class PreviewRenderer:
    """Makes them of one job: with the content's colours, where those are to be kept."""

    def __init__(self, content: Tensor, keep_colours: str) -> None:
        """content: (3, H, W), 0 to 1."""
        self._content, self._keep_colours = content, keep_colours
        self._contents: dict[tuple[int, int], Tensor] = {}  # made once a size

    def pixels(self, image: Tensor, side: int) -> np.ndarray:
        """image: (3, H, W), the picture in work at any scale. Returns (h, w, 3), u8 sRGB, the longer side `side` at
        most."""
        height, width = _fitted(image, side)
        small = resize(image.detach(), height, width).clamp(0, 1)
        if self._keep_colours != "off":
            content = self._content_at(height, width)
            small = restore_colours(small.to(content.device), content, self._keep_colours)
        return _as_bytes(small)

    def thumbnail(self, image: Tensor) -> bytes:
        """The same as a JPEG, for a list."""
        return _jpeg(self.pixels(image, THUMBNAIL_SIDE))

    def _content_at(self, height: int, width: int) -> Tensor:
        if (height, width) not in self._contents:
            self._contents[height, width] = resize(self._content, height, width)
        return self._contents[height, width]


def thumbnail(image: Tensor) -> bytes:
    """A JPEG of (3, H, W), 0 to 1."""
    return _jpeg(_as_bytes(resize(image, *_fitted(image, THUMBNAIL_SIDE))))


def _fitted(image: Tensor, side: int) -> tuple[int, int]:
    factor = min(1.0, side / max(image.shape[1:]))
    return max(1, round(image.shape[1] * factor)), max(1, round(image.shape[2] * factor))


def _as_bytes(image: Tensor) -> np.ndarray:
    """(3, h, w), 0 to 1 → (h, w, 3) u8."""
    return (image.clamp(0, 1).permute(1, 2, 0) * 255 + 0.5).to(torch.uint8).cpu().contiguous().numpy()


def _jpeg(pixels: np.ndarray) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG", quality=QUALITY)
    return packed.getvalue()
