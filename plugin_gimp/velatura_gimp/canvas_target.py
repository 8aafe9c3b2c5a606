"""What is restyled in GIMP, and its pixels."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from velatura import strings
from velatura.editor.style_regions import Place
from velatura.i18n import translated
from velatura.pixels import Picture

from .canvas_guard import Value, quiet, steps_while_open, while_open
from .canvas_layers import layer_id
from .canvas_pixels import Rect

if TYPE_CHECKING:
    from .canvas_edit import Edited


@dataclass
class Target:
    """What is restyled: a part of a layer, and the selection at that time.

    rect: what is read, in the layer's pixels. selected: the bounding box of the selection in it, or None.
    selection: the selection over rect as floats, once it has been read. content, layer_size: what was read, and the
    layer's width and height then. The image and the layer may have been closed, moved or scaled when the result
    arrives. edited: the earlier result that the new one replaces, if it is edited; its mask is the selection.
    """

    image: Any
    drawable: Any
    rect: Rect
    selected: Rect | None = None
    selection: memoryview = field(default=memoryview(b""), repr=False)
    content: Content | None = field(default=None, repr=False)
    layer_size: tuple[int, int] = (0, 0)
    edited: Edited | None = None

    @property
    def layer(self) -> str:
        """Identifies the layer for the daemon: a newer job for the same layer replaces the older one."""
        return layer_id(self.image, self.drawable)

    @property
    def name(self) -> str:
        with quiet():
            return str(self.drawable.get_name() or "")

    @property
    def document_name(self) -> str:
        with quiet():
            file = self.image.get_file() or self.image.get_imported_file()
            name = file.get_basename() if file is not None else self.image.get_name()
        return str(name or translated(strings.UNTITLED))

    @property
    def exists(self) -> bool:
        return bool(self.image.is_valid() and self.drawable.is_valid())

    def while_open(self) -> AbstractContextManager[None]:
        """For reading. Raises NothingToRestyle if the image is closed or the layer deleted meanwhile."""
        return while_open(lambda: self.exists, strings.CLOSED_BEFORE_READ)

    def steps_while_open(self, steps: Generator[None, None, Value]) -> Generator[None, None, Value]:
        """The same for each of the steps."""
        return steps_while_open(steps, lambda: self.exists, strings.CLOSED_BEFORE_READ)


@dataclass(frozen=True)
class Content:
    """The pixels of a target, and the selection over them."""

    picture: Picture
    mask: Picture | None
    place: Place
