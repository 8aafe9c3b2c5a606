"""Where new styles come from: files, folders, layers, the clipboard, and images dropped from other programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.background import Thread
from velatura.editor.file_paths import is_folder
from velatura.editor.style_addresses import dropped_address, fetching, is_address, name_of, take_image
from velatura.editor.styles import RefusedStyle, style_from_file
from velatura.editor.ui_state import Style
from velatura.errors import NotAPicture, VelaturaError
from velatura.i18n import translated
from velatura.pixels import LARGEST_STYLE_SIDE

from .desktop import plain_action
from .qt import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QImage,
    QMenu,
    QObject,
    QPushButton,
    QToolButton,
    QWidget,
    pyqtSignal,
)
from .styles import StyleSource, read_image, readable_endings, save_style

PROBE_SIDE = 84  # pixels: a file is read at this size to see whether Qt can read it


class NewStyles(QObject):
    """Makes styles of what the user brings. Emits a signal for each result."""

    brought = pyqtSignal(object)  # list[Style], to be chosen
    failed = pyqtSignal(object)  # VelaturaError
    notice = pyqtSignal(object)  # a sentence: what takes a while; '' when it is done
    folder_opened = pyqtSignal(str)  # from which files were chosen
    folder_added = pyqtSignal(str)  # whose pictures shall be in the gallery

    def __init__(
        self,
        dirs: AppDirs,
        thread: Thread,
        sources: Callable[[], list[StyleSource]],
        open_style: Callable[[str], QImage],
        parent: QWidget,
    ) -> None:
        """As for `Gallery`."""
        super().__init__(parent)
        self._dirs, self._thread, self._open_style, self._window = dirs, thread, open_style, parent
        self.sources = sources
        self.folder = ""  # where the dialog for files starts
        self.menu = QMenu(parent)  # of layers
        self.menu.aboutToShow.connect(self.fill_source_menu)

    def buttons(self) -> QHBoxLayout:
        """A button for each way to bring a style."""
        row = QHBoxLayout()
        for text, name, tip, slot in (
            (strings.FROM_FILE, "from_file", strings.FROM_FILE_TIP, self.choose_file),
            (strings.FROM_LAYER, "from_layer", strings.FROM_LAYER_TIP, None),
            (strings.PASTE, "paste", strings.PASTE_TIP, self.paste),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setObjectName(name)
            button.setAutoDefault(False)
            if slot is None:
                button.setMenu(self.menu)
            else:
                button.clicked.connect(lambda _=False, slot=slot: slot())
            row.addWidget(button)
        return row

    def folder_button(self) -> QPushButton:
        button = QPushButton(strings.ADD_FOLDER)
        button.setObjectName("add_folder")
        button.setToolTip(strings.ADD_FOLDER_TIP)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _=False: self.choose_folder())
        return button

    def menu_button(self) -> QToolButton:
        """One button with all of them, for a narrow place."""
        menu = QMenu(self._window)
        menu.addAction(strings.FROM_FILE).triggered.connect(lambda _=False: self.choose_file())
        layers = menu.addMenu(self.menu)
        layers.setText(strings.FROM_LAYER)
        menu.addAction(strings.PASTE).triggered.connect(lambda _=False: self.paste())
        menu.addAction(strings.ADD_FOLDER).triggered.connect(lambda _=False: self.choose_folder())
        button = QToolButton()
        button.setObjectName("add_style")
        button.setText(strings.ADD_STYLE)
        button.setToolTip(strings.ADD_STYLE_TIP)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(menu)
        return button

    # --- files and folders -----------------------------------------------------------------------------
    def choose_file(self) -> None:
        patterns = " ".join(f"*.{ending}" for ending in (*readable_endings(), "psd", "xcf"))
        paths, _ = QFileDialog.getOpenFileNames(
            self._window, strings.CHOOSE_STYLE, self.folder, f"{strings.IMAGE_FILES} ({patterns})"
        )
        if paths:
            self.folder = str(Path(paths[0]).parent)
            self.folder_opened.emit(self.folder)
            self.add_files(paths)

    def choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._window, strings.ADD_FOLDER_TITLE, self.folder)
        if folder:
            self.folder_added.emit(folder)

    def add_files(self, paths: list[str]) -> None:
        """Brings files, and makes folders among them sources; reports an error if a file cannot be read."""
        files = [path for path in paths if not is_folder(path)]
        for folder in [path for path in paths if path not in files]:
            self.folder_added.emit(folder)
        if files:
            self._thread.run(lambda: [_try_to_read(path) for path in files], self._on_read, self.failed.emit)

    def _on_read(self, styles: list[tuple[Style, NotAPicture | None]]) -> None:
        """styles: with the error of those that Qt could not read; perhaps Krita can."""
        brought = []
        for style, error in styles:
            if error is None:
                brought.append(style)
                continue
            if isinstance(error, RefusedStyle):
                self.failed.emit(error)
                return
            try:
                brought.append(save_style(self._open_style(style.path), style.name, self._dirs))
            except VelaturaError:
                self.failed.emit(error)
                return
        self.brought.emit(brought)

    # --- images without a file -------------------------------------------------------------------------
    def add_image(self, image: QImage, name: str) -> None:
        """Brings an image without a file; it is saved as one first."""
        self._thread.run(
            lambda: save_style(image, name, self._dirs), lambda style: self.brought.emit([style]), self.failed.emit
        )

    def add_address(self, address: str) -> None:
        """Brings the image at an address on the web, or in a data: address."""

        def fetch() -> Style:
            image = take_image(address, self._dirs, lambda path: read_image(path, LARGEST_STYLE_SIDE))
            return save_style(image, name_of(address), self._dirs)

        self.notice.emit(translated(fetching(address)))
        self._thread.run(fetch, self._on_fetched, self.failed.emit)

    def _on_fetched(self, style: Style) -> None:
        self.notice.emit("")
        self.brought.emit([style])

    def paste(self) -> None:
        self.add_mime(QApplication.clipboard().mimeData(), strings.PASTED_IMAGE)

    def add_mime(self, mime: Any, name: str) -> None:
        """Brings the files, the image or the address in a drop or on the clipboard. name: for an image without a file.

        An image in a drop is taken as it is; only if there is none, it is fetched from its address.
        """
        urls = mime.urls() if mime.hasUrls() else []
        files = [url.toLocalFile() for url in urls if url.isLocalFile()]
        image = QImage(mime.imageData()) if not files and mime.hasImage() else QImage()
        texts = [bytes(url.toEncoded()).decode() for url in urls]
        if mime.hasText() and is_address(mime.text()):
            texts.append(mime.text())
        address = dropped_address(texts, mime.html() if mime.hasHtml() else "")
        if files:
            self.add_files(files)
        elif not image.isNull():
            self.add_image(image, name)
        elif address is not None:
            self.add_address(address)
        else:
            self.failed.emit(VelaturaError(strings.NOTHING_TO_PASTE))

    # --- layers ----------------------------------------------------------------------------------------
    def fill_source_menu(self) -> None:
        self.menu.clear()
        for source in self.sources():
            self.menu.addAction(plain_action(translated(source.name))).triggered.connect(
                partial(self._add_source, source)
            )
        if self.menu.isEmpty():
            self.menu.addAction(strings.NO_SOURCES).setEnabled(False)

    def _add_source(self, source: StyleSource, _: bool = False) -> None:
        try:
            self.add_image(source.take(), source.name)
        except VelaturaError as error:
            self.failed.emit(error)


def _try_to_read(path: str) -> tuple[Style, NotAPicture | None]:
    """A file as a style, and why Qt cannot read it."""
    style = style_from_file(path)
    try:
        read_image(path, PROBE_SIDE)
    except NotAPicture as error:
        return style, error
    return style, None
