"""The state of one restyle in an editor."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from velatura import strings
from velatura.client.events import Finished, GivenStyle
from velatura.editor.interfaces import Content, Target
from velatura.editor.recipe import Recipe
from velatura.editor.ui_state import Style
from velatura.pixels import MASK_FORMAT, Picture
from velatura.settings import StyleSettings

NOTHING = Picture(1, 1, MASK_FORMAT, bytes(1))  # in place of a picture that is not needed any more


@dataclass
class RestyleTask:
    """One restyle, from the first click to the new layer.

    title: the name of the layer. document: the name of the document, recorded now since it may be closed later. over:
    whether it was cancelled, has failed or is complete.
    """

    target: Target
    styles: list[Style]
    settings: StyleSettings
    title: str
    document: str
    started_at: float = field(default_factory=time.monotonic)
    content: Content | None = None
    pictures: list[GivenStyle] = field(default_factory=list)
    job: str = ""
    over: bool = False
    finished: Finished | None = None

    @property
    def name(self) -> str:
        """The name of the new layer."""
        return strings.result_name([style.name for style in self.styles], self.settings)

    @property
    def recipe(self) -> Recipe:
        return Recipe.of(self.name, self.settings, self.styles)
