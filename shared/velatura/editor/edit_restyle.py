"""Editing a result: the window shows how the active result was made, and Restyle replaces it."""

from __future__ import annotations

from typing import Any

from velatura import strings
from velatura.editor.file_paths import is_file
from velatura.editor.interfaces import Edited
from velatura.editor.recipe import usable_styles
from velatura.editor.ui_state import UiState
from velatura.editor.window_messages import WindowMessages
from velatura.errors import NothingToRestyle, VelaturaError
from velatura.i18n import sentences


class EditRestyle(WindowMessages):
    """The part of a controller that knows which result is edited, if any."""

    ui_state: UiState
    edited: Edited | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the latest restyle is still running."""
        raise NotImplementedError

    def begin_editing(self) -> bool:
        """Open the window with the settings and styles of the active result. Returns whether that was possible."""
        try:
            if self.is_busy:  # its settings are those in the window
                raise NothingToRestyle(strings.EDIT_BUSY)
            edited: Edited = self.canvas.edited_result()
            self.canvas.edit_target(edited)  # raises if its source is gone
        except VelaturaError as error:
            self.show_error(error)
            return False
        self.open_window()
        if self.window is None:
            return False
        styles, missing = usable_styles(edited.recipe)
        gone = {style.path for style in edited.recipe.styles} - {style.path for style in styles}
        # The gallery would report a used style whose file is gone, in the place of the message below.
        recent = self.ui_state.recent
        self.ui_state.recent = [style for style in recent if style.path not in gone or is_file(style.path)]
        self.edited = None  # so that the changes below belong to no result yet
        self.window.apply_choices(self.ui_state, styles, edited.recipe.settings)
        self.edited = edited
        loaded = strings.EDIT_LOADED.format(name=edited.name)
        changed = strings.EDIT_CANVAS_CHANGED if edited.is_canvas_changed else ""
        self.show_message(sentences(*missing, changed) or loaded)
        return True

    def end_editing_if_left(self) -> None:
        """End editing if the user has chosen another layer, or if the result no longer exists."""
        if self.edited is not None and not self.canvas.is_edited(self.edited):
            self.show_message(strings.EDIT_ENDED.format(name=self.edited.name))
            self.edited = None

    def chosen_target(self) -> Any:
        """Return what would be restyled: the source of the edited result, or else what is active."""
        return self.canvas.current_target() if self.edited is None else self.canvas.edit_target(self.edited)

    def chosen_target_key(self) -> object:
        """Return a value that changes whenever the chosen target does. Cheap to call."""
        return self.canvas.target_key() if self.edited is None else self.canvas.edit_key(self.edited)
