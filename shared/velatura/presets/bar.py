"""What the row with the presets does in a window, without its widgets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from velatura import strings
from velatura.errors import VelaturaError
from velatura.i18n import Text, translated
from velatura.presets.preset import SUFFIX
from velatura.presets.store import Entry, Listing, PresetStore, file_stem
from velatura.settings import StyleSettings


@dataclass(frozen=True)
class Callbacks:
    """chosen: the user has chosen these settings. message: tells what has been done, in the user's language.
    failed: tells what has not.

    thumbnail: returns what the preview shows as a PNG, or b''.
    """

    chosen: Callable[[StyleSettings], object]
    message: Callable[[str], object]
    failed: Callable[[VelaturaError], object]
    thumbnail: Callable[[], bytes]


class PresetBarModel:
    """The presets, and which of them the window's settings equal. No method raises: what fails is reported."""

    def __init__(self, store: PresetStore, callbacks: Callbacks) -> None:
        self._store, self._callbacks = store, callbacks
        self._settings = StyleSettings()
        self._last_chosen = ""  # the name of the preset that was chosen or saved last: several may be equal
        self.listing = Listing(())

    # --- what is shown -------------------------------------------------------------------------------
    def reload(self) -> bool:
        """Read the presets again, which another program may have changed. Returns whether there are others now."""
        before, self.listing = self.listing, self._store.load()
        return before != self.listing

    def set_settings(self, settings: StyleSettings) -> None:
        self._settings = settings

    def current(self) -> Entry | None:
        """The preset that the settings equal, or None."""
        return self.listing.matching(self._settings, self._last_chosen)

    def why_not_change(self) -> str:
        """Why the current preset cannot be renamed or deleted; '' if it can."""
        current = self.current()
        if current is None:
            return strings.NO_PRESET_CHOSEN
        return translated(strings.PRESET_OURS.format(name=current.shown_name)) if current.ours else ""

    def replaced_by(self, name: str) -> Entry | None:
        """The user's preset that a new one with this name would replace, or None."""
        there = self.listing.find(name.strip())
        return there if there is not None and not there.ours else None

    def export_name(self, entry: Entry) -> str:
        """The file name that an export proposes."""
        return file_stem(entry.preset.name) + SUFFIX

    # --- what the user does ----------------------------------------------------------------------------
    def choose(self, entry: Entry) -> None:
        self._last_chosen = entry.preset.name
        self._settings = entry.preset.settings
        self._callbacks.chosen(entry.preset.settings)
        if entry.preset.warning:
            self._callbacks.message(translated(entry.preset.warning))

    def save_as(self, name: str, *, overwrite: bool = False) -> None:
        """Save the settings as a preset, with what the preview shows as its thumbnail."""
        with self._reporting():
            saved = self._store.save(name, self._settings, self._callbacks.thumbnail(), overwrite=overwrite)
            self._after_change(saved, strings.PRESET_SAVED)

    def rename(self, entry: Entry, name: str) -> None:
        with self._reporting():
            self._after_change(self._store.rename(entry, name), strings.PRESET_RENAMED)

    def delete(self, entry: Entry) -> None:
        with self._reporting():
            self._store.delete(entry)
            self._after_change(entry, strings.PRESET_DELETED)

    def import_files(self, paths: Sequence[str]) -> None:
        """Copy preset files into the list. One alone is chosen as well."""
        imported: list[Entry] = []
        with self._reporting():
            try:
                imported += (self._store.import_file(Path(path)) for path in paths)
            finally:
                self.reload()
            names = strings.listed([entry.preset.name for entry in imported])
            self._callbacks.message(translated(strings.PRESET_IMPORTED.format(names=names)))
            if len(imported) == 1:
                self.choose(imported[0])

    def export(self, entry: Entry, path: str, *, overwrite: bool = False) -> None:
        with self._reporting():
            written = self._store.export(entry, Path(path), overwrite=overwrite)
            self._callbacks.message(translated(strings.PRESET_EXPORTED.format(path=written)))

    def _after_change(self, entry: Entry, sentence: Text) -> None:
        self._last_chosen = entry.preset.name
        self.reload()
        self._callbacks.message(translated(sentence.format(name=entry.preset.name)))

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except VelaturaError as error:
            self._callbacks.failed(error)
