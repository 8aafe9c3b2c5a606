"""What a user sees of a restyle: the target, the preview, the styles, the settings and the progress.

The window shows a wide panel, the docker a narrow one. A panel uses neither the daemon nor Krita's API.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.frames import FrameChoice
from velatura.editor.style_addresses import is_address
from velatura.editor.style_regions import RegionSource
from velatura.editor.ui_state import Style, UiState
from velatura.editor.window_place import Box
from velatura.errors import VelaturaError
from velatura.i18n import translated
from velatura.pixels import Picture
from velatura.presets.store import PresetStore
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

from .controls import Controls
from .desktop import WheelGuard, plain_label, style_error, style_plain, style_quiet
from .frame_row import FrameRow
from .gallery import Gallery
from .panel_parts import COLUMN_MARGIN, Bottom, ScrolledColumn, heading, line
from .preset_bar import PresetBar
from .preview import PreviewArea
from .preview_bar import PreviewBar
from .qt import QCheckBox, QEvent, QHBoxLayout, QImage, QStyle, QVBoxLayout, QWidget, pyqtSignal
from .status import PERMILLE
from .styles import StyleSource, as_image

NARROW_PREVIEW = 170  # pixels: the height of the preview in a narrow panel, for 220 × 165 of a picture of 4:3


class Panel(QWidget):
    """Emits a signal for each request of the user; the controller calls the methods to show the state."""

    start_requested = pyqtSignal()
    cancel_requested = pyqtSignal()
    changed = pyqtSignal()
    report_requested = pyqtSignal()
    command_requested = pyqtSignal()
    open_image_requested = pyqtSignal()
    results_requested = pyqtSignal()
    conversion_requested = pyqtSignal()
    help_requested = pyqtSignal()
    window_requested = pyqtSignal()
    drafts_toggled = pyqtSignal(bool)
    live_toggled = pyqtSignal(bool)
    shown = pyqtSignal()
    hidden = pyqtSignal()

    def __init__(
        self,
        dirs: AppDirs,
        sources: Callable[[], list[StyleSource]],
        regions: Callable[[], list[RegionSource]],
        open_style: Callable[[str], QImage],
        parent: QWidget | None = None,
        *,
        narrow: bool = False,
    ) -> None:
        """dirs, sources, regions, open_style: as for `Gallery`. narrow: as little as 220 pixels wide, with the most
        important settings only."""
        super().__init__(parent)
        self.narrow = narrow
        self.setAcceptDrops(True)
        self.preview = PreviewArea()
        self.gallery = Gallery(dirs, sources, regions, open_style, compact=narrow)
        self.controls = Controls(narrow=narrow)
        self.presets = PresetBar(PresetStore.of(dirs), self._picture_for_preset)
        self.controls.insert_row(strings.PRESET, strings.PRESET_TIP, self.presets, self.presets.combo)
        self.bottom = Bottom(self, narrow=narrow)
        self.bar, self.message, self.estimate = self.bottom.bar, self.bottom.message, self.bottom.estimate
        self.start, self.cancel, self.saved = self.bottom.start, self.bottom.cancel, self.bottom.saved
        self.copy_report, self.copy_command = self.bottom.copy_report, self.bottom.copy_command
        self.open_image = self.bottom.open_image
        self.target = plain_label()
        self.target.setObjectName("target")
        self.target.setWordWrap(True)  # otherwise a long name would widen the window
        self.drafts = _switch(strings.DRAFTS, "drafts", strings.DRAFTS_TIP, self.drafts_toggled)
        self.live = _switch(strings.LIVE, "live", strings.LIVE_TIP, self.live_toggled)
        self.frames = FrameRow(narrow=narrow)
        self.drafting = plain_label()
        self.drafting.setObjectName("drafting")
        outer = QVBoxLayout(self)
        outer.setSpacing(10)
        if narrow:
            outer.setContentsMargins(4, 4, 4, 4)
            outer.addWidget(self._column([*self._preview_parts(), self.gallery, self.controls, self.bottom.others]), 1)
        else:
            outer.setContentsMargins(0, 0, 0, 0)
            outer.addLayout(self._side_by_side(), 1)
        outer.addWidget(self.bottom)
        self.gallery.changed.connect(self.changed)
        self.gallery.notice.connect(self.show_message)
        self.controls.changed.connect(self.changed)
        self.controls.changed.connect(lambda: self.presets.set_settings(self.controls.settings()))
        self.presets.chosen.connect(self.controls.set_settings)
        self.presets.message.connect(self.show_message)
        self.presets.failed.connect(lambda error: self.show_error(error, report=False))
        self._wheel_guard = WheelGuard(self)
        self._wheel_guard.watch(self.controls)
        self._is_busy = self._shows_error = False
        self.set_idle()

    # --- layout ----------------------------------------------------------------------------------------
    def _preview_parts(self) -> list[QWidget]:
        below = QWidget()
        row = QHBoxLayout(below)
        row.setContentsMargins(0, 0, 0, 0)
        bar = PreviewBar(self.preview)
        if self.narrow:
            self.preview.setFixedHeight(NARROW_PREVIEW)
            for part in (self.drafts, self.live):
                row.addWidget(part)
            row.addStretch(1)
            row.addWidget(self.drafting)
            return [self.preview, bar, below, self.target, self.frames]
        row.addWidget(self.target, 1)  # one row, since there is little room on a small screen
        for part in (self.drafting, self.drafts, self.live):
            row.addWidget(part)
        return [self.preview, bar, below, self.frames]

    def _side_by_side(self) -> QHBoxLayout:
        left = QVBoxLayout()
        for part in self._preview_parts():
            left.addWidget(part, 1 if part is self.preview else 0)
        styles = heading(strings.STYLE)
        styles.setBuddy(self.gallery.list)
        middle = QHBoxLayout()
        middle.setSpacing(14)
        middle.addLayout(left, 1)
        middle.addWidget(self._column([styles, self.gallery, line(), self.controls]))
        return middle

    def _column(self, parts: list[QWidget]) -> ScrolledColumn:
        self._scroll = ScrolledColumn(parts, fixed=not self.narrow)
        return self._scroll

    def is_shown(self) -> bool:
        return bool(self.isVisible())

    # --- user input ------------------------------------------------------------------------------------
    def chosen_styles(self) -> list[Style]:
        return self.gallery.chosen()

    def settings(self) -> StyleSettings:
        return self.controls.settings()

    def _picture_for_preset(self) -> QImage | None:
        return self.preview.shown if self.preview.has_preview else None

    def restore(self, state: UiState) -> None:
        """Shows the settings and styles of the last time."""
        self.drafts.setChecked(state.drafts)
        self.controls.set_settings(state.settings)
        self.gallery.fill(state, state.styles)

    def apply_choices(self, state: UiState, styles: list[Style], settings: StyleSettings) -> None:
        self.controls.set_settings(settings)
        if styles != self.chosen_styles():
            self.gallery.fill(state, styles)

    # --- the target and the preview ----------------------------------------------------------------------
    def preview_side(self) -> int:
        return int(self.preview.side())

    def show_target(self, sentence: str) -> None:
        self.target.setText(translated(sentence))

    def show_frames(self, times: Sequence[int], now: int) -> None:
        self.frames.show_frames(times, now)

    def frame_choice(self) -> FrameChoice:
        return self.frames.choice()

    def show_original(self, thumbnail: QImage, size: tuple[int, int]) -> None:
        self.preview.set_content_size(*size)
        self.preview.set_original(thumbnail)

    def show_content(self, picture: Picture, size: tuple[int, int]) -> None:
        self.preview.set_content_size(*size)
        self.preview.update_original(as_image(picture))

    def show_draft(self, picture: Picture) -> None:
        self.preview.set_picture(as_image(picture))

    def detail_wanted(self) -> Box | None:
        part: Box | None = self.preview.detail_wanted()
        return part

    def show_detail(self, part: Box, original: Picture | None, draft: Picture | None) -> None:
        if original is not None:
            self.preview.set_original_detail(part, as_image(original))
        if draft is not None:
            self.preview.set_preview_detail(part, as_image(draft))

    def show_drafting(self, drafting: bool) -> None:
        self.drafting.setText(strings.DRAFTING if drafting else "")

    def show_live(self, live: bool) -> None:
        self.live.setChecked(live)

    def show_before(self) -> None:
        self.preview.show_remembered()

    def show_preview(self, preview: Preview) -> None:
        self.preview.set_preview(preview)

    def forget_regions(self) -> None:
        self.gallery.forget_regions()

    # --- progress and messages -----------------------------------------------------------------------------
    def show_estimate(self, sentence: str) -> None:
        style_quiet(self.estimate)
        self.estimate.setText(translated(sentence))

    def show_grey_note(self, sentence: str) -> None:
        self.bottom.show_grey_note(sentence)

    def show_saved_notice(self, sentence: str) -> None:
        self.bottom.show_saved_notice(sentence)

    def set_busy(self) -> None:
        if not self._is_busy:
            self.preview.remember()
        self._is_busy = True
        self.bar.setRange(0, 0)  # indeterminate, until the first progress
        self.cancel.setEnabled(True)
        self.start.setText(strings.START_OVER)
        self._show_error_buttons()

    def set_idle(self) -> None:
        self._is_busy = False
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(0)
        self.cancel.setEnabled(False)
        self.start.setText(strings.START)
        self._show_error_buttons()

    @property
    def is_busy(self) -> bool:
        return self._is_busy

    def show_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(int(progress.done * PERMILLE))
        self.show_message(strings.progress(progress))

    def show_message(self, sentence: str) -> None:
        self._shows_error = False
        style_plain(self.message)
        self.message.setText(translated(sentence))
        if not self._is_busy:
            self._show_error_buttons()

    def show_error(
        self, error: VelaturaError, *, report: bool = True, command: bool = False, document: bool = False
    ) -> None:
        """Shows the error's sentence and the buttons that help."""
        self._shows_error = True
        style_error(self.message)
        self.message.setText(error.local_sentence)
        self._show_error_buttons(report=report, command=command, document=document)

    def _show_error_buttons(self, *, report: bool = False, command: bool = False, document: bool = False) -> None:
        self.copy_report.setVisible(report)
        self.copy_command.setVisible(command)
        self.open_image.setVisible(document)
        self._arrange_buttons()

    def _arrange_buttons(self) -> None:
        scroll_bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent) if self.narrow else 0
        margins = self.layout().contentsMargins()
        self.bottom.arrange(self.width() - margins.left() - margins.right() - COLUMN_MARGIN - scroll_bar)

    # --- events ----------------------------------------------------------------------------------------
    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._arrange_buttons()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.presets.reload()
        if not self.narrow:
            self._scroll.fit_width(self.controls.full_width())  # the fonts are known now
        self.shown.emit()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.hidden.emit()

    def dragEnterEvent(self, event: Any) -> None:
        mime = event.mimeData()
        if mime.hasUrls() or mime.hasImage() or mime.hasHtml() or is_address(mime.text()):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        event.acceptProposedAction()
        self.gallery.add_mime(event.mimeData(), strings.DROPPED_IMAGE)

    def changeEvent(self, event: Any) -> None:
        """Another theme needs other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_shows_error"):
            style_quiet(self.estimate)
            style_quiet(self.drafting)
            (style_error if self._shows_error else style_plain)(self.message)


def _switch(text: str, name: str, tip: str, signal: Any) -> QCheckBox:
    box = QCheckBox(text)
    box.setObjectName(name)
    box.setToolTip(tip)
    box.setAccessibleName(text)
    box.toggled.connect(signal)
    return box
