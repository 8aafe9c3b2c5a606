"""The styles of a `restyle` message, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from velatura.errors import BadMessage
from velatura.i18n import lazy_text
from velatura.pixels import PictureRef
from velatura.protocol.messages import MAX_NAME, MAX_NOTE, MAX_STYLES


@dataclass(frozen=True)
class StyleShare:
    """One style of a restyle. Two styles that differ only in name and path are equal.

    Attributes:
        picture: The style.
        share: Its weight among several styles, any positive number.
        region: A GRAY picture of where in the content the style applies. None: everywhere that no region covers.
        name: What it is called, for people.
        path: The file that it came from, for people.
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
    """Parse the `styles` field of a `restyle` message.

    Args:
        value: The field.

    Returns:
        1 to MAX_STYLES styles.

    Raises:
        BadMessage: There are more or none, or one is invalid.
    """
    if not 1 <= len(value) <= MAX_STYLES:
        raise BadMessage(
            lazy_text("A restyle takes 1 to {most} styles, but {given} were given.", most=MAX_STYLES, given=len(value))
        )
    styles = []
    for item in value:
        share = item.get("share", 1.0) if isinstance(item, dict) else None
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1e6:
            raise BadMessage(lazy_text("The share of a style must be a number over 0 and under a million."))
        region = PictureRef.from_wire(item["region"]) if item.get("region") is not None else None
        name, path = item.get("name", ""), item.get("path", "")
        if not isinstance(name, str) or not isinstance(path, str) or len(name) > MAX_NAME or len(path) > MAX_NOTE:
            raise BadMessage(
                lazy_text(
                    "The name of a style has at most {name} characters, its path at most {path}.",
                    name=MAX_NAME,
                    path=MAX_NOTE,
                )
            )
        styles.append(StyleShare(PictureRef.from_wire(item.get("picture")), float(share), region, name, path))
    return styles
