"""Small versions of the image being optimised: previews, and JPEG thumbnails for lists."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.colour import restore_colours
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.upsampling import detail_share, upsample

THUMBNAIL_SIDE = 128  # pixels, the longer one
QUALITY = 82


class PreviewRenderer:
    """Renders one job's image, as the job would finish it: a coarse scale with the content's own detail, and with the
    content's colours if those are kept."""

    def __init__(self, content: Tensor, settings: StyleSettings) -> None:
        """content: (3, H, W), 0 to 1."""
        self._content, self._settings = content, settings
        self._resized: dict[tuple[int, int], Tensor] = {}  # the content, by (height, width)

    def pixels(self, image: Tensor, side: int) -> np.ndarray:
        """image: (3, h, w), at any scale. Returns (h', w', 3), u8 sRGB, of the content's proportions and a longer side
        of at most `side` pixels."""
        height, width = _fitted(self._content, side)
        content = self._content_at(height, width)
        image = image.detach().to(content.device)
        if image.shape[-1] < width:
            small = upsample(image, content, detail_share(self._settings), self._settings.seamless)
        else:
            small = resize(image, height, width)
        return _as_bytes(restore_colours(small.clamp(0, 1), content, self._settings.keep_colours))

    def thumbnail(self, image: Tensor) -> bytes:
        """The same as a JPEG, for a list."""
        return _jpeg(self.pixels(image, THUMBNAIL_SIDE))

    def _content_at(self, height: int, width: int) -> Tensor:
        if (height, width) not in self._resized:
            self._resized[height, width] = resize(self._content, height, width)
        return self._resized[height, width]


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
