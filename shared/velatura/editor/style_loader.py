"""Loads the pictures of styles on a thread, and caches the most recent ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from velatura.client.events import GivenStyle
from velatura.editor.background import OnFailed, Thread
from velatura.editor.interfaces import Content
from velatura.editor.ui_state import Style
from velatura.pixels import Picture, reduced_mask

MAX_CACHED = 8  # decoded pictures

_Key = tuple[str, int]  # path and modification time


class StyleLoader:
    """Prepares styles and content for a restyle."""

    def __init__(self, thread: Thread, read_style: Callable[[str], Picture]) -> None:
        """read_style: decodes a file and computes its hash. Called on threads."""
        self._thread = thread
        self._read_style = read_style
        self._cache: dict[_Key, Picture] = {}

    def load(
        self, content: Content, styles: list[Style], on_done: Callable[[list[GivenStyle]], object], on_failed: OnFailed
    ) -> None:
        """Decode the styles, cut their regions to the content, and hash all pictures, on a thread.

        on_done: called with the styles for the client.
        """
        cached, keys = dict(self._cache), [_key(style) for style in styles]

        def hash_and_decode() -> tuple[dict[_Key, Picture], list[Picture | None]]:
            for picture in (content.picture, content.mask):
                _ = picture.ref if picture is not None else None  # computes the hash
            width, height = content.picture.width, content.picture.height
            regions = [_reduced(style.region_over(content.place), width, height) for style in styles]
            for region in regions:
                _ = region.ref if region is not None else None
            return {key: cached.get(key) or self._read_style(key[0]) for key in keys}, regions

        def on_loaded(loaded: tuple[dict[_Key, Picture], list[Picture | None]]) -> None:
            pictures, regions = loaded
            self._cache = dict([*self._cache.items(), *pictures.items()][-MAX_CACHED:])
            on_done(
                [
                    GivenStyle(pictures[key], style.share, region, style.name, style.path)
                    for key, style, region in zip(keys, styles, regions, strict=True)
                ]
            )

        self._thread.run(hash_and_decode, on_loaded, on_failed)


def _reduced(region: Picture | None, width: int, height: int) -> Picture | None:
    """A region in the size of the content, which is smaller than its place for a draft."""
    return reduced_mask(region, width, height) if region is not None else None


def _key(style: Style) -> _Key:
    """Identify a style's file in its current version."""
    try:
        return style.path, Path(style.path).stat().st_mtime_ns
    except OSError:
        return style.path, 0
