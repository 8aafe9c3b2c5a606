"""What a result keeps of its photo's metadata, whatever file it was in."""

from __future__ import annotations

from dataclasses import dataclass

Value = str | tuple[int, ...]  # a text, integers, or numerators and denominators


@dataclass(frozen=True)
class Metadata:
    """dpi: horizontally and vertically, in pixels per inch, 1 to MAX_DPI; None if not known. description, artist,
    copyright: '' if there is none. camera: entries of KEPT by tag, with the camera, the exposure and the dates."""

    dpi: tuple[float, float] | None = None
    description: str = ""
    artist: str = ""
    copyright: str = ""
    camera: tuple[tuple[int, Value], ...] = ()
