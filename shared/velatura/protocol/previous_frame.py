"""The previous frames of a `restyle` message, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from velatura.errors import BadMessage
from velatura.i18n import lazy_text
from velatura.pixels import Picture, PictureRef
from velatura.protocol.messages import MAX_PREVIOUS


@dataclass(frozen=True)
class PreviousFrame:
    """A frame of the same film and its result, which has the same size.

    Attributes:
        content: The frame.
        result: Its result.
    """

    content: PictureRef
    result: PictureRef

    @property
    def pictures(self) -> tuple[PictureRef, PictureRef]:
        """Both pictures."""
        return self.content, self.result


def previous_to_wire(content: Picture, result: Picture) -> dict[str, Any]:
    """An item of the `previous` field."""
    return {"content": content.ref.to_wire(), "result": result.ref.to_wire()}


def previous_from_wire(value: list[Any], content: PictureRef) -> tuple[PreviousFrame, ...]:
    """Parse the `previous` field of a `restyle` message.

    Args:
        value: The field.
        content: The content of the restyle.

    Returns:
        The frames, the nearest first.

    Raises:
        BadMessage: There are too many, or one is invalid or has another size than the content.
    """
    if len(value) > MAX_PREVIOUS:
        raise BadMessage(
            lazy_text(
                "A frame follows at most {most} previous frames, but {count} were given.",
                most=MAX_PREVIOUS,
                count=len(value),
            )
        )
    frames = []
    for item in value:
        if not isinstance(item, dict):
            raise BadMessage(lazy_text("A previous frame has to be a map with its content and its result."))
        frame = PreviousFrame(PictureRef.from_wire(item.get("content")), PictureRef.from_wire(item.get("result")))
        for picture in frame.pictures:
            if (picture.width, picture.height) != (content.width, content.height):
                raise BadMessage(
                    lazy_text(
                        "A previous frame or its result is {width} × {height} pixels and this frame {frame_width} × "
                        "{frame_height}. Give previous frames of the same size.",
                        width=picture.width,
                        height=picture.height,
                        frame_width=content.width,
                        frame_height=content.height,
                    )
                )
        frames.append(frame)
    return tuple(frames)
