"""The row with the presets: a list that shows which one the settings equal, and a menu to save and share them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from velatura import strings
from velatura.i18n import translated
from velatura.presets.bar import Callbacks, PresetBarModel
from velatura.presets.preset import SUFFIX
from velatura.presets.store import Entry, PresetStore
from velatura.presets.thumbnail import SIDE, plain_thumbnail
from velatura.settings import StyleSettings

from .desktop import in_device_pixels, plain_tip, sharp
from .qt import (
    QBuffer,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QIcon,
    QImage,
    QInputDialog,
    QIODevice,
    QMenu,
    QMessageBox,
    QPixmap,
    QSize,
    QSizePolicy,
    Qt,
    QToolButton,
    QWidget,
    pyqtSignal,
)

ICON = 32  # pixels of a thumbnail in the list
FILTER = f"{strings.PRESET_FILES} (*{SUFFIX})"


class PresetBar(QWidget):
    """`set_settings` shows which preset these settings equal. It works in a panel of 200 pixels."""

    chosen = pyqtSignal(object)  # the StyleSettings of a preset that the user has chosen
    message = pyqtSignal(object)  # a sentence: what has been done
    failed = pyqtSignal(object)  # a VelaturaError

    def __init__(self, store: PresetStore, picture: Callable[[], QImage | None], parent: QWidget | None = None) -> None:
        """picture: returns what the preview shows, for the thumbnail of a new preset, or None."""
        super().__init__(parent)
        self.setObjectName("presets")
        self._picture = picture
        callbacks = Callbacks(self.chosen.emit, self.message.emit, self.failed.emit, self._thumbnail)
        self.model = PresetBarModel(store, callbacks)
        self.combo = _Combo(self.reload)
        self.combo.setObjectName("preset")
        self.combo.setAccessibleName(strings.PRESET)
        self.combo.setToolTip(strings.PRESET_TIP)
        self.combo.setIconSize(QSize(ICON, ICON))
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(8)
        self.combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.combo.activated.connect(self._on_activated)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.menu_button = QToolButton()
        self.menu_button.setObjectName("preset menu")  # not translated: a name for tests
        self.menu_button.setText("⋯")
        self.menu_button.setAutoRaise(True)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.menu_button.setToolTip(strings.PRESET_MENU_TIP)
        self.menu_button.setAccessibleName(strings.PRESET_MENU_TIP)
        self.menu_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")  # not translated: Qt's syntax
        self.menu_button.setMenu(self.menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.combo, 1)
        row.addWidget(self.menu_button)
        self.reload()

    # --- what is shown -------------------------------------------------------------------------------
    def set_settings(self, settings: StyleSettings) -> None:
        """Shows the name of the preset that these settings equal, or 'Custom'."""
        self.model.set_settings(settings)
        self._select()

    def reload(self) -> None:
        """Shows the presets that there are now: another program may have saved some."""
        if self.model.reload() or self.combo.count() == 0:
            self._fill_combo()
        self._select()

    def _fill_combo(self) -> None:
        self.combo.clear()
        self.combo.addItem(strings.CUSTOM)
        self.combo.model().item(0).setEnabled(False)  # a state, which cannot be chosen
        for entry in self.model.listing.entries:
            self.combo.addItem(self._icon(entry), entry.shown_name)
            tip = translated(entry.preset.warning) or strings.preset_summary(entry.preset.settings)
            self.combo.setItemData(self.combo.count() - 1, plain_tip(tip), Qt.ItemDataRole.ToolTipRole)

    def _icon(self, entry: Entry) -> QIcon:
        image = QImage.fromData(entry.preset.thumbnail, "PNG")
        if image.isNull():
            image = QImage.fromData(plain_thumbnail(entry.preset.name), "PNG")
        side = in_device_pixels(self, QSize(ICON, ICON)).width()
        return QIcon(sharp(QPixmap.fromImage(_square(image, side)), self))

    def _select(self) -> None:
        entry, entries = self.model.current(), self.model.listing.entries
        self.combo.setCurrentIndex(1 + entries.index(entry) if entry is not None else 0)

    def _on_activated(self, index: int) -> None:
        if index > 0:
            self._do(self.model.choose, self.model.listing.entries[index - 1])

    def _do(self, command: Callable[..., None], *arguments: Any, **options: Any) -> None:
        """Runs a command of the model, and shows what has become of the list."""
        before = self.model.listing
        command(*arguments, **options)
        if self.model.listing != before:
            self._fill_combo()
        self._select()

    def _thumbnail(self) -> bytes:
        picture = self._picture()
        return b"" if picture is None or picture.isNull() else as_thumbnail(picture)

    # --- the menu ------------------------------------------------------------------------------------
    def _fill_menu(self) -> None:
        self.reload()
        self.menu.clear()
        why_not_change = self.model.why_not_change()
        why_not_export = strings.NO_PRESET_CHOSEN if self.model.current() is None else ""
        self._add_action(strings.SAVE_PRESET, self._save)
        self._add_action(strings.RENAME_PRESET, self._rename, why_not_change)
        self._add_action(strings.DELETE_PRESET, self._delete, why_not_change)
        self.menu.addSeparator()
        self._add_action(strings.IMPORT_PRESET, self._import)
        self._add_action(strings.EXPORT_PRESET, self._export, why_not_export)
        if self.model.listing.problems:
            self.menu.addSeparator()
            self._add_action(strings.SHOW_PROBLEMS, self._show_problems)

    def _add_action(self, text: str, callback: Callable[[], None], why_not: str = "") -> None:
        action = self.menu.addAction(text)
        action.triggered.connect(lambda _=False: callback())
        action.setEnabled(not why_not)
        action.setToolTip(plain_tip(translated(why_not)))

    def _save(self) -> None:
        name = self._ask_name(strings.SAVE_PRESET_TITLE, strings.SAVE_DONE, "")
        there = self.model.replaced_by(name)
        if there is not None:
            question = strings.REPLACE_PRESET.format(name=there.preset.name)
            name = name if self._confirm(question, strings.REPLACE) else ""
        if name:
            self._do(self.model.save_as, name, overwrite=there is not None)

    def _rename(self) -> None:
        entry = self.model.current()
        name = self._ask_name(strings.RENAME_PRESET_TITLE, strings.RENAME, entry.preset.name) if entry else ""
        if name:
            self._do(self.model.rename, entry, name)

    def _delete(self) -> None:
        entry = self.model.current()
        if entry is None:
            return
        if self._confirm(strings.DELETE_PRESET_QUESTION.format(name=entry.preset.name), strings.DELETE_PRESET):
            self._do(self.model.delete, entry)

    def _import(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self.window(), strings.IMPORT_PRESET_TITLE, "", FILTER)
        if paths:
            self._do(self.model.import_files, paths)

    def _export(self) -> None:
        entry = self.model.current()
        if entry is None:
            return
        title, name = strings.EXPORT_PRESET_TITLE, self.model.export_name(entry)
        path, _ = QFileDialog.getSaveFileName(self.window(), title, name, FILTER)
        if path:
            # The file dialog has asked whether to overwrite, but not about a name to which the ending is still added.
            self._do(self.model.export, entry, path, overwrite=path.endswith(SUFFIX))

    # --- questions -----------------------------------------------------------------------------------
    def _ask_name(self, title: str, done: str, name: str) -> str:
        """Returns the name that the user has typed, or '' if the question was cancelled."""
        dialog = QInputDialog(self.window())
        dialog.setObjectName("preset name")  # not translated: a name for tests
        dialog.setWindowTitle(title)
        dialog.setLabelText(strings.PRESET_NAME)
        dialog.setTextValue(name)
        dialog.setOkButtonText(done)
        dialog.setCancelButtonText(strings.CANCEL)
        dialog.resize(340, dialog.sizeHint().height())
        answer = str(dialog.textValue()) if dialog.exec() == QDialog.DialogCode.Accepted else ""
        dialog.deleteLater()
        return answer or ""

    def _confirm(self, question: str, answer: str) -> bool:
        box = QMessageBox(QMessageBox.Icon.Question, strings.TITLE, translated(question), parent=self.window())
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setObjectName("preset question")  # not translated: a name for tests
        yes = box.addButton(answer, QMessageBox.ButtonRole.AcceptRole)
        box.addButton(strings.CANCEL, QMessageBox.ButtonRole.RejectRole)
        box.exec()
        box.deleteLater()
        return bool(box.clickedButton() == yes)

    def _show_problems(self) -> None:
        text = "\n\n".join(map(translated, self.model.listing.problems[:10]))
        box = QMessageBox(QMessageBox.Icon.Warning, strings.TITLE, text, parent=self.window())
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.exec()
        box.deleteLater()


class _Combo(QComboBox):
    """A list that is brought up to date just before it opens."""

    def __init__(self, refresh: Callable[[], Any]) -> None:
        super().__init__()
        self._refresh = refresh

    def showPopup(self) -> None:
        self._refresh()
        super().showPopup()


def _square(image: QImage, side: int) -> QImage:
    """The middle of an image, as a square of this side."""
    scaled = image.scaled(
        QSize(side, side), Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    return scaled.copy((scaled.width() - side) // 2, (scaled.height() - side) // 2, side, side)


def as_thumbnail(image: QImage) -> bytes:
    """The middle of an image as a PNG of SIDE × SIDE pixels."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    _square(image, SIDE).convertToFormat(QImage.Format.Format_RGB888).save(buffer, "PNG")
    return bytes(buffer.data())
