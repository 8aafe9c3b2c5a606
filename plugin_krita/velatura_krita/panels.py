"""The panels of the window and the dockers as one: they show the same, and a choice in one is a choice in all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from velatura.editor.frames import FrameChoice
from velatura.editor.ui_state import Style, UiState
from velatura.editor.window_place import Box
from velatura.errors import VelaturaError
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

from .panel import Panel
from .qt import QImage


class Panels:
    """Implements `velatura.editor.interfaces.Window` for all panels together. There is always at least one."""

    def __init__(self, first: Panel, state: UiState, on_change: Callable[[], object]) -> None:
        """on_change: called when the user has changed a style or a setting."""
        self._panels: list[Panel] = []
        self._state, self._on_change = state, on_change
        self._settings, self._styles = first.settings(), first.chosen_styles()
        self._original: tuple[QImage, tuple[int, int]] | None = None  # of the target, with its size
        self._target, self._message, self._grey_note = "", "", ""
        self._frames: tuple[Sequence[int], int] = ((), 0)
        self._busy = self._live = False
        self.add(first)

    def add(self, panel: Panel) -> None:
        """Adds a panel that shows what the others show."""
        if self._panels:
            panel.controls.set_settings(self._settings)
            panel.gallery.fill(self._state, self._styles)
            panel.drafts.setChecked(self._panels[0].drafts.isChecked())
            panel.show_target(self._target)
            if self._original is not None:
                panel.show_original(*self._original)
            panel.show_message(self._message)
            panel.show_grey_note(self._grey_note)
            panel.show_frames(*self._frames)
            panel.frames.choose(self.frame_choice())
            panel.show_live(self._live)
            if self._busy:
                panel.set_busy()
        self._panels.append(panel)
        panel.changed.connect(lambda: self._on_changed(panel))
        panel.frames.changed.connect(
            lambda: self._for_others(panel, lambda other: other.frames.choose(panel.frame_choice()))
        )
        panel.drafts_toggled.connect(lambda on: self._for_others(panel, lambda other: other.drafts.setChecked(on)))

    def remove(self, panel: Panel) -> bool:
        """Removes a panel that is gone. Returns whether others are left."""
        self._panels = [other for other in self._panels if other is not panel]
        return bool(self._panels)

    def _on_changed(self, panel: Panel) -> None:
        settings, styles = panel.settings(), panel.chosen_styles()
        if (settings, styles) == (self._settings, self._styles):
            return  # for example the first choice of a panel that was just filled
        self._settings, self._styles = settings, styles
        self._for_others(panel, lambda other: other.apply_choices(self._state, styles, settings))
        self._on_change()

    def _for_others(self, panel: Panel, action: Callable[[Panel], object]) -> None:
        for other in self._panels:
            if other is not panel:
                other.blockSignals(True)
                try:
                    action(other)
                finally:
                    other.blockSignals(False)

    def _for_all(self, method: str, *args: Any, **kwargs: Any) -> None:
        for panel in self._panels:
            getattr(panel, method)(*args, **kwargs)

    @property
    def _looked_at(self) -> Panel:
        """The panel whose preview decides: a visible one, the window's before a docker's."""
        shown = [panel for panel in self._panels if panel.is_shown()]
        return min(shown or self._panels, key=lambda panel: panel.narrow)

    # --- user input ------------------------------------------------------------------------------------
    def is_shown(self) -> bool:
        return any(panel.is_shown() for panel in self._panels)

    def settings(self) -> StyleSettings:
        return self._settings

    def chosen_styles(self) -> list[Style]:
        return self._styles

    def apply_choices(self, state: UiState, styles: list[Style], settings: StyleSettings) -> None:
        self._for_all("apply_choices", state, styles, settings)

    def refresh_galleries(self, arranged: Panel) -> None:
        """Shows the gallery as it was arranged in one panel in the others too."""
        self._for_others(arranged, lambda other: other.gallery.refresh())

    # --- the target and the preview ----------------------------------------------------------------------
    def preview_side(self) -> int:
        return self._looked_at.preview_side()

    def show_target(self, sentence: str) -> None:
        self._target = sentence
        self._for_all("show_target", sentence)

    def show_frames(self, times: Sequence[int], now: int) -> None:
        self._frames = times, now
        self._for_all("show_frames", times, now)

    def frame_choice(self) -> FrameChoice:
        return self._panels[0].frame_choice()

    def show_original(self, thumbnail: QImage, size: tuple[int, int]) -> None:
        self._original = thumbnail, size
        self._for_all("show_original", thumbnail, size)

    def show_content(self, picture: Picture, size: tuple[int, int]) -> None:
        self._for_all("show_content", picture, size)

    def show_draft(self, picture: Picture) -> None:
        self._for_all("show_draft", picture)

    def detail_wanted(self) -> Box | None:
        return self._looked_at.detail_wanted()

    def show_detail(self, part: Box, original: Picture | None, draft: Picture | None) -> None:
        self._looked_at.show_detail(part, original, draft)

    def show_drafting(self, drafting: bool) -> None:
        self._for_all("show_drafting", drafting)

    def show_drafts(self, shown: bool) -> None:
        """Shows whether quick drafts are made."""
        for panel in self._panels:
            panel.drafts.setChecked(shown)

    def show_live(self, live: bool) -> None:
        """Shows whether the preview follows the canvas."""
        self._live = live
        self._for_all("show_live", live)

    def forget_regions(self) -> None:
        self._for_all("forget_regions")
        self._styles = self._panels[0].chosen_styles()

    def show_before(self) -> None:
        self._for_all("show_before")

    def show_preview(self, preview: Preview) -> None:
        self._for_all("show_preview", preview)

    # --- progress and messages -----------------------------------------------------------------------------
    def show_estimate(self, sentence: str) -> None:
        self._for_all("show_estimate", sentence)

    def show_grey_note(self, sentence: str) -> None:
        self._grey_note = sentence
        self._for_all("show_grey_note", sentence)

    def show_saved_notice(self, sentence: str) -> None:
        self._for_all("show_saved_notice", sentence)

    def set_busy(self) -> None:
        self._busy = True
        self._for_all("set_busy")

    def set_idle(self) -> None:
        self._busy = False
        self._for_all("set_idle")

    def show_progress(self, progress: Progress) -> None:
        self._for_all("show_progress", progress)

    def show_message(self, sentence: str) -> None:
        self._message = sentence
        self._for_all("show_message", sentence)

    def show_error(self, error: VelaturaError, *, report: bool, command: bool, document: bool) -> None:
        self._for_all("show_error", error, report=report, command=command, document=document)
