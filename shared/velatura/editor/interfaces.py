"""What the restyle controller needs from an editor. Each plugin implements these for its canvas and its window."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

from velatura.editor.placement import Placed
from velatura.editor.style_regions import Place
from velatura.editor.ui_state import Style, UiState
from velatura.errors import VelaturaError
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings


class Target(Protocol):
    """What is restyled: a layer and the selection as it was when the restyle was started."""

    @property
    def layer(self) -> str:
        """The daemon's name for the layer: a newer job for the same layer replaces the older one."""

    @property
    def name(self) -> str:
        """The name of the layer, for people."""

    @property
    def document_name(self) -> str: ...


class Content(Protocol):
    """The pixels of a target, and the selection over them."""

    @property
    def picture(self) -> Picture: ...
    @property
    def mask(self) -> Picture | None: ...
    @property
    def place(self) -> Place:
        """Where the content was on the canvas when it was read."""


class Canvas(Protocol):
    """The editor's documents. Long operations are generators that yield every few milliseconds."""

    def current_target(self) -> Any:
        """Return what would be restyled now. Raises NothingToRestyle, which says what to do."""

    def target_key(self) -> object:
        """Return a value that changes whenever the current target does. Cheap to call."""

    def describe(self, target: Any) -> str:
        """Return the window's description of a target."""

    def size(self, target: Any) -> tuple[int, int]:
        """Return the width and height in pixels of what `read` would return."""

    def thumbnail(self, target: Any, side: int) -> Any:
        """Return the target as a small picture in the format that the window shows.

        It is shown until the first preview arrives. side: pixels of the longer side.
        """

    def read(self, target: Any) -> Generator[None, None, Any]:
        """Return the Content of a target. The layer is not changed."""

    def insert(self, target: Any, picture: Picture, left: int, top: int, name: str) -> Generator[None, None, Placed]:
        """Insert a picture as a new layer above the target, in one undo step. It is where the target is now.

        left, top: the position of the picture in the content. Raises LayerGone, also if the picture no longer fits.
        """

    def open_as_picture(self, picture: Picture, name: str) -> Generator[None, None, None]:
        """Open a result as a new picture, if the one it was made for no longer exists."""

    def version(self) -> str:
        """Return the editor's name and version."""


class Window(Protocol):
    """The editor's window for restyles."""

    def is_shown(self) -> bool: ...
    def settings(self) -> StyleSettings: ...
    def chosen_styles(self) -> list[Style]: ...
    def preview_side(self) -> int:
        """Return how many pixels the longer side of a preview has."""

    def show_target(self, sentence: str) -> None:
        """Show what would be restyled, or why nothing can be."""

    def show_original(self, thumbnail: Any) -> None:
        """Show the target as it is now."""

    def forget_regions(self) -> None:
        """Remove all regions, since they belong to another picture: every style applies everywhere again."""

    def show_estimate(self, sentence: str) -> None:
        """Show how long a restyle would take; '' if that is not known."""

    def show_saved_notice(self, sentence: str) -> None:
        """Show that there are saved results, with a button that opens them; '' if there are none."""

    def apply_choices(self, state: UiState, styles: list[Style], settings: StyleSettings) -> None:
        """Set the settings and choose these styles. state: for the gallery."""

    def set_busy(self) -> None:
        """A restyle runs: starting reads 'Start over', and cancelling is possible."""

    def set_idle(self) -> None: ...
    def show_before(self) -> None:
        """Show the picture that was shown before the running restyle began."""

    def show_progress(self, progress: Progress) -> None: ...
    def show_preview(self, preview: Preview) -> None: ...
    def show_message(self, sentence: str) -> None: ...
    def show_error(self, error: VelaturaError, *, report: bool, command: bool, document: bool) -> None:
        """Show an error.

        report: offer to copy a report. command: offer to copy the command that starts the daemon. document: offer to
        open the result as a picture.
        """
