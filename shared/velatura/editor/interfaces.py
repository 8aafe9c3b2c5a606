"""What the restyle controller needs from an editor. Each plugin implements these for its canvas and its window."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Protocol

from velatura.editor.frames import FrameChoice
from velatura.editor.placement import Placed
from velatura.editor.recipe import Recipe
from velatura.editor.style_regions import Place
from velatura.editor.ui_state import Style, UiState
from velatura.editor.window_place import Box
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


class Edited(Protocol):
    """A result that is being edited. Once it is replaced, it stands for the layer that replaces it."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def name(self) -> str:
        """The name of the layer now."""

    @property
    def is_canvas_changed(self) -> bool:
        """Whether the canvas has another size than when the result was made."""


class Canvas(Protocol):
    """The editor's documents. Long operations are generators that yield every few milliseconds."""

    def current_target(self) -> Any:
        """Return what would be restyled now. Raises NothingToRestyle, which says what to do."""

    def target_key(self) -> object:
        """Return a value that changes whenever the current target does. Cheap to call."""

    def describe(self, target: Any) -> str:
        """Return the window's description of a target."""

    def edited_result(self) -> Any:
        """Return the active layer, which is a result, as Edited. Raises NothingToRestyle, which says what to do."""

    def is_edited(self, edited: Any) -> bool:
        """Return whether a result that is being edited still exists and is still chosen. Cheap to call."""

    def edit_key(self, edited: Any) -> object:
        """Return a value that changes whenever `edit_target` does. Cheap to call."""

    def edit_target(self, edited: Any) -> Any:
        """Return the target that a result was made from, with its selection; `insert` then replaces the result.

        Raises NothingToRestyle, which says what to do.
        """

    def is_grey(self, target: Any) -> bool:
        """Return whether the image of a target is greyscale, so that the result has to be. Cheap to call."""

    def convert_to_rgb(self, target: Any) -> Generator[None, None, None]:
        """Convert the image of a greyscale target to RGB, at its depth, in one undo step. Raises LayerGone and
        VelaturaError."""

    def size(self, target: Any) -> tuple[int, int]:
        """Return the width and height in pixels of what `read` would return."""

    def thumbnail(self, target: Any, side: int) -> Any:
        """Return the target as a small picture in the format that the window shows.

        It is shown until the first preview arrives. side: pixels of the longer side.
        """

    def read(self, target: Any) -> Generator[None, None, Any]:
        """Return the Content of a target. The layer is not changed."""

    def insert(
        self, target: Any, picture: Picture, left: int, top: int, recipe: Recipe
    ) -> Generator[None, None, Placed]:
        """Insert a picture as a new layer above the target, in one undo step. It is where the target is now.

        If the target is that of an edited result, replace that one instead. left, top: the position of the picture in
        the content. recipe: how it was made, with the name of the new layer; it is stored with the layer. Raises
        LayerGone, also if the picture no longer fits.
        """

    def open_as_picture(self, picture: Picture, name: str) -> Generator[None, None, None]:
        """Open a result as a new picture, if the one it was made for no longer exists."""

    def read_shown(self, target: Any, side: int | None) -> Generator[None, None, Any]:
        """Return the Content of a target as RGBA u8 sRGB, for a draft. Raises NothingToRestyle.

        side: pixels of the longer side of the reduced picture and mask; None: they keep the size of the layer.
        """

    def sample(self, rows: int) -> int | None:
        """Return a checksum of some rows of the active layer; see `velatura.editor.live.SampledCanvas`."""

    def film_target(self) -> Any:
        """Return the target whose frames would be restyled now. Raises NothingToRestyle, which says what to do."""

    def frame_times(self, target: Any) -> list[int]:
        """Return the frames of a target, ascending, as the editor counts them; empty if it is not animated."""

    def frame_now(self, target: Any) -> int:
        """Return the frame of an animated target that the editor shows."""

    def open_film(self, target: Any, frames: Sequence[int]) -> Generator[None, None, Any]:
        """Return the `Film` of these frames of an animated target. Raises NothingToRestyle, LayerGone."""

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

    def show_frames(self, times: Sequence[int], now: int) -> None:
        """Offer to restyle several frames. times: of the frames; empty: nothing is offered. now: the one shown."""

    def frame_choice(self) -> FrameChoice:
        """Return which frames are to be restyled; `THIS` if nothing is offered."""

    def show_original(self, thumbnail: Any, size: tuple[int, int]) -> None:
        """Show the target as it is now, instead of a preview. size: its width and height in its own pixels."""

    def show_content(self, picture: Picture, size: tuple[int, int]) -> None:
        """Replace the original that is compared with the preview by a newer one, RGBA u8 sRGB.

        size: of the target in its own pixels, which grows with a stroke beside the others.
        """

    def show_draft(self, picture: Picture) -> None:
        """Show a finished draft, RGBA u8 sRGB."""

    def detail_wanted(self) -> Box | None:
        """Return the part of the target, in its pixels, that the preview shows so large that the draft is blurred."""

    def show_detail(self, part: Box, original: Picture | None, draft: Picture | None) -> None:
        """Show a part of the target in its own pixels: the original, the draft, or both."""

    def show_drafting(self, drafting: bool) -> None:
        """Show whether a draft is being made."""

    def forget_regions(self) -> None:
        """Remove all regions, since they belong to another picture: every style applies everywhere again."""

    def show_estimate(self, sentence: str) -> None:
        """Show how long a restyle would take; '' if that is not known."""

    def show_grey_note(self, sentence: str) -> None:
        """Show that the result will be grey, with a button that converts the image; '' if it will not."""

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
