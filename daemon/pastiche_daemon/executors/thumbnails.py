"""Small JPEGs for lists of what was made."""

from __future__ import annotations

import io

import torch
from PIL import Image
from torch import Tensor

from pastiche_daemon.engine.regions import resized

SIDE = 128  # pixels, the longer one
QUALITY = 82


def thumbnail(image: Tensor) -> bytes:
    """image: (3, H, W), 0 to 1 (what is beyond is cut off)."""
    factor = min(1.0, SIDE / max(image.shape[1:]))
    height, width = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[2] * factor))
    small = resized(image.detach(), height, width).clamp(0, 1)
    pixels = (small.permute(1, 2, 0) * 255 + 0.5).to(torch.uint8).cpu().contiguous().numpy()  # (h, w, 3)
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG", quality=QUALITY)
    return packed.getvalue()
