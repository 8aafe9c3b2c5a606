"""The styles of a `restyle` message, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from velatura.errors import BadMessage
from velatura.pixels import PictureRef
from velatura.protocol.messages import MAX_NAME, MAX_NOTE, MAX_STYLES


@dataclass(frozen=True)
class StyleShare:
    """One style of a restyle.

    share: its weight among several styles, any positive number. region: a GRAY picture of where in the content the
    style applies, or None for everywhere that no region covers. name, path: where it came from, for people. Two styles
    that differ only in name and path are equal.
    """

    picture: PictureRef
    share: float
    region: PictureRef | None = None
    name: str = field(default="", compare=False)
    path: str = field(default="", compare=False)

    @property
    def pictures(self) -> tuple[PictureRef, ...]:
        """The picture, and the region if there is one."""
        return (self.picture,) if self.region is None else (self.picture, self.region)


def styles_from_wire(value: list[Any]) -> list[StyleShare]:
    """Parse the `styles` field of a `restyle` message. Raises BadMessage."""
    if not 1 <= len(value) <= MAX_STYLES:
        raise BadMessage(f"A restyle takes 1 to {MAX_STYLES} styles, but {len(value)} were given.")
    styles = []
    for item in value:
        share = item.get("share", 1.0) if isinstance(item, dict) else None
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1e6:
            raise BadMessage("The share of a style must be a number over 0 and under a million.")
        region = PictureRef.from_wire(item["region"]) if item.get("region") is not None else None
        name, path = item.get("name", ""), item.get("path", "")
        if not isinstance(name, str) or not isinstance(path, str) or len(name) > MAX_NAME or len(path) > MAX_NOTE:
            raise BadMessage(f"The name of a style has at most {MAX_NAME} characters, its path at most {MAX_NOTE}.")
        styles.append(StyleShare(PictureRef.from_wire(item.get("picture")), float(share), region, name, path))
    return styles
