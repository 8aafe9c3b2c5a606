"""What the caller wants of a file, and which of its pages or frames that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from velatura.errors import UsageError
from velatura.i18n import Text, lazy_plural, lazy_text

SizeCheck = Callable[[int, int], None]  # (width, height), upright; raises if the size is not acceptable


@dataclass(frozen=True)
class ReadOptions:
    """at_most: the longest side that the result needs, in pixels; the decoder may return fewer pixels than the file
    has, but at least as many as that. page: from 1; None: the first. salvage: read what there is of a truncated
    file."""

    at_most: int | None = None
    page: int | None = None
    salvage: bool = False


OR_SALVAGE = lazy_text("Or read the intact part with --salvage.")  # of a truncated file
_SINGLE = {
    "frames": lazy_text("It has a single frame, so there is no frame {page}. Leave out the number."),
    "pictures": lazy_text("It has a single picture, so there is no picture {page}. Leave out the number."),
    "parts": lazy_text("It has a single part, so there is no part {page}. Leave out the number."),
    "pages": lazy_text("It has a single page, so there is no page {page}. Leave out the number."),
}


@dataclass(frozen=True)
class Pages:
    """How many pictures a file has. noun: what the format calls them: 'frames', 'pictures', 'parts' or
    'pages'."""

    count: int = 1
    noun: str = "pages"

    def index_of(self, page: int | None) -> int:
        """Return the index, from 0, of a page as the user counts. Raises UsageError if the file does not have it."""
        if page is None or 1 <= page <= self.count:
            return (page or 1) - 1
        raise UsageError(_SINGLE[self.noun].format(page=page) if self.count == 1 else self._no_such(page))

    def counted(self) -> Text:
        """Such as '3 frames'."""
        if self.noun == "frames":
            # Translators: the object of "{file} has {pages}"; frames of an animation.
            return lazy_plural("{count} frame", "{count} frames", self.count)
        if self.noun == "pictures":
            # Translators: the object of "{file} has {pages}"; pictures in a file.
            return lazy_plural("{count} picture", "{count} pictures", self.count)
        if self.noun == "parts":
            # Translators: the object of "{file} has {pages}"; the parts of an EXR file are pictures.
            return lazy_plural("{count} part", "{count} parts", self.count)
        # Translators: the object of "{file} has {pages}".
        return lazy_plural("{count} page", "{count} pages", self.count)

    def _no_such(self, page: int) -> Text:
        if self.noun == "frames":
            return lazy_plural(
                "It has {count} frame, so there is no frame {page}. Give 1 to {count}.",
                "It has {count} frames, so there is no frame {page}. Give 1 to {count}.",
                self.count,
                page=page,
            )
        if self.noun == "pictures":
            return lazy_plural(
                "It has {count} picture, so there is no picture {page}. Give 1 to {count}.",
                "It has {count} pictures, so there is no picture {page}. Give 1 to {count}.",
                self.count,
                page=page,
            )
        if self.noun == "parts":
            return lazy_plural(
                "It has {count} part, so there is no part {page}. Give 1 to {count}.",
                "It has {count} parts, so there is no part {page}. Give 1 to {count}.",
                self.count,
                page=page,
            )
        return lazy_plural(
            "It has {count} page, so there is no page {page}. Give 1 to {count}.",
            "It has {count} pages, so there is no page {page}. Give 1 to {count}.",
            self.count,
            page=page,
        )
