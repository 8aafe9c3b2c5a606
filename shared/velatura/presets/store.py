"""The presets of this user, one file each in a folder that all programs share, after those that come with Velatura."""

from __future__ import annotations

import contextlib
import difflib
from dataclasses import dataclass, replace
from pathlib import Path

from velatura import strings
from velatura.app_dirs import AppDirs, write_config_file
from velatura.atomic import write_atomically, write_users_file
from velatura.errors import BadPreset, DiskTrouble, FileExists
from velatura.foreign_text import visible
from velatura.i18n import sentences
from velatura.presets.preset import (
    MAX_FILE,
    MAX_NAME,
    SUFFIX,
    Preset,
    clean_name,
    dump,
    name_key,
    parse,
    preset_settings,
)
from velatura.settings import StyleSettings

OURS = Path(__file__).parent / "ours"
MAX_FILES = 500  # that are read; more would make a window slow
MAX_STEM = 100  # bytes of a file's name
_NOT_IN_FILE_NAMES = dict.fromkeys(map(ord, '<>:"/\\|?*%'), "_")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}  # of Windows


@dataclass(frozen=True)
class Entry:
    """A preset in the list. ours: it came with Velatura, so it cannot be renamed or deleted."""

    preset: Preset
    path: Path
    ours: bool = False

    @property
    def shown_name(self) -> str:
        """The name as a window shows it: those of ours are translated."""
        return strings.shown_preset(self.preset.name, ours=self.ours)


@dataclass(frozen=True)
class Listing:
    """problems: a sentence for each file that is left out."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()

    def find(self, name: str) -> Entry | None:
        """The preset with this name, regardless of case."""
        return next((entry for entry in self.entries if entry.preset.key == name_key(name)), None)

    def matching(self, settings: StyleSettings, preferred: str = "") -> Entry | None:
        """The preset that these settings equal; if there are several, the one with the preferred name.

        A preset that this version cannot apply completely equals nothing.
        """
        found = [e for e in self.entries if not e.preset.unknown and e.preset.equals(settings)]
        preferred_ones = (e for e in found if e.preset.key == name_key(preferred))
        return next(preferred_ones, found[0] if found else None)


class PresetStore:
    """Reads and changes the presets. Files that have not changed are not read again."""

    def __init__(self, folder: Path, ours: Path = OURS) -> None:
        self.folder = folder
        self._ours = ours
        self._read: dict[Path, tuple[tuple[int, int, int], Preset]] = {}

    @classmethod
    def of(cls, dirs: AppDirs) -> PresetStore:
        return cls(dirs.presets)

    # --- reading ---------------------------------------------------------------------------------------
    def load(self) -> Listing:
        """List ours in their order, then the user's by name. Never fails: a file that cannot be used is a problem.

        If a user's preset has the name of one of ours, it takes its place.
        """
        users, problems = self._load_folder(self.folder)
        ours, our_problems = self._load_folder(self._ours)
        taken: dict[str, Entry] = {}
        for path, preset in users:
            if preset.key in taken:
                first = visible(taken[preset.key].path.name)
                problems.append(strings.PRESET_TWICE.format(file=visible(path.name), name=preset.name, other=first))
            else:
                taken[preset.key] = Entry(preset, path)
        shown = [Entry(preset, path, ours=True) for path, preset in ours if preset.key not in taken]
        by_name = sorted(taken.values(), key=lambda entry: entry.preset.key)
        return Listing((*shown, *by_name), (*our_problems, *problems))

    def _load_folder(self, folder: Path) -> tuple[list[tuple[Path, Preset]], list[str]]:
        presets: list[tuple[Path, Preset]] = []
        problems: list[str] = []
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and path.name[0] != ".")
        except FileNotFoundError:
            return [], []
        except OSError as error:
            return [], [strings.PRESETS_UNREADABLE.format(folder=visible(folder), why=error.strerror)]
        if len(paths) > MAX_FILES:
            problems.append(strings.PRESETS_TOO_MANY.format(folder=visible(folder), count=len(paths), most=MAX_FILES))
        for path in paths[:MAX_FILES]:
            try:
                presets.append((path, self._read_file(path)))
            except BadPreset as error:
                problems.append(error.sentence)
        return presets, problems

    def _read_file(self, path: Path) -> Preset:
        """Raises BadPreset."""
        try:
            status = path.stat()
        except OSError:
            return read_preset(path)  # which says what is wrong
        state = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._read.get(path, (None,))[0] != state:
            self._read[path] = (state, read_preset(path))
        return self._read[path][1]

    def find(self, name: str) -> Entry:
        """Raises BadPreset, which names a similar preset or all of them."""
        listing = self.load()
        found = listing.find(name)
        if found is not None:
            return found
        names = [entry.preset.name for entry in listing.entries]
        close = difflib.get_close_matches(name_key(name), map(name_key, names), n=1)
        hint = (
            strings.PRESET_SIMILAR.format(name=next(n for n in names if name_key(n) == close[0]))
            if close
            else strings.PRESET_NAMES.format(names=strings.listed(names))
        )
        raise BadPreset(sentences(strings.NO_SUCH_PRESET.format(name=visible(name[:MAX_NAME])), hint))

    # --- changing --------------------------------------------------------------------------------------
    def save(self, name: str, settings: StyleSettings, thumbnail: bytes = b"", *, overwrite: bool = False) -> Entry:
        """Save settings under a name. Raises BadPreset for an unsuitable name, FileExists, DiskTrouble."""
        preset = Preset(clean_name(name), preset_settings(settings), thumbnail)
        there = self._free_unless(preset.name, overwrite=overwrite)
        return self._write(preset, there.path if there is not None else self._new_path(preset.name))

    def rename(self, entry: Entry, name: str) -> Entry:
        """Raises BadPreset for an unsuitable name, FileExists if another preset has it, DiskTrouble."""
        renamed = replace(self._users(entry).preset, name=clean_name(name))
        if renamed.key != entry.preset.key:
            self._free_unless(renamed.name, overwrite=False)
        new = self._write(renamed, self._new_path(renamed.name, instead_of=entry.path))
        if not _is_same_file(new.path, entry.path):
            _remove(entry.path)
        return new

    def delete(self, entry: Entry) -> None:
        """Raises BadPreset if it is one of ours, DiskTrouble."""
        _remove(self._users(entry).path)

    def import_file(self, path: Path) -> Entry:
        """Copy a preset file into the folder. If its name is taken by other settings, a number is added to the name.

        Raises BadPreset, DiskTrouble.
        """
        preset, listing = read_preset(path), self.load()
        number, name = 1, preset.name
        while (there := listing.find(name)) is not None:
            if (there.preset.settings, there.preset.unknown) == (preset.settings, preset.unknown):
                return there
            number += 1
            name = f"{preset.name[:50]} {number}"
        return self._write(replace(preset, name=name), self._new_path(name))

    def export(self, entry: Entry, path: Path, *, overwrite: bool = False) -> Path:
        """Write a preset to a file for somebody else. Returns its path, which always ends in SUFFIX.

        Raises BadPreset for a path without a name, FileExists, DiskTrouble.
        """
        if path.name in ("", ".."):
            raise BadPreset(strings.PRESET_FILE_UNNAMED.format(path=visible(path)))
        path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
        data = dump(entry.preset)
        try:
            if overwrite:
                write_users_file(path, lambda file: file.write(data))
            else:
                write_atomically(path, lambda file: file.write(data), overwrite=False)
        except FileExistsError:
            raise FileExists(strings.PRESET_FILE_EXISTS.format(path=visible(path))) from None
        except ValueError:  # a null byte
            raise BadPreset(strings.PRESET_FILE_UNNAMED.format(path=visible(path))) from None
        except OSError as error:
            raise DiskTrouble(strings.PRESET_NOT_WRITTEN.format(path=visible(path), why=error.strerror)) from None
        return path

    def _free_unless(self, name: str, *, overwrite: bool) -> Entry | None:
        """The user's preset that has this name and may be replaced, or None. Raises BadPreset, FileExists."""
        there = self.load().find(name)
        if there is not None and there.ours:
            raise BadPreset(strings.PRESET_NAME_OURS.format(name=there.preset.name))
        if there is not None and not overwrite:
            raise FileExists(strings.PRESET_EXISTS.format(name=there.preset.name))
        return there

    def _users(self, entry: Entry) -> Entry:
        if entry.ours:
            raise BadPreset(strings.PRESET_OURS.format(name=entry.preset.name))
        return entry

    def _write(self, preset: Preset, path: Path) -> Entry:
        write_config_file(path, dump(preset))
        return Entry(preset, path)

    def _new_path(self, name: str, instead_of: Path | None = None) -> Path:
        """A path in the folder that no other preset has. instead_of: a file that may be overwritten."""
        stem, number = file_stem(name), 1
        path = self.folder / f"{stem}{SUFFIX}"
        while path.exists() and not (instead_of is not None and _is_same_file(path, instead_of)):
            number += 1
            path = self.folder / f"{stem} {number}{SUFFIX}"
        return path


def file_stem(name: str) -> str:
    """A file name for a preset that every file system accepts."""
    stem = name.translate(_NOT_IN_FILE_NAMES).encode("utf-8", "replace")[:MAX_STEM].decode("utf-8", "ignore")
    stem = stem.rstrip(". ").lstrip(" ")
    if not stem or stem.startswith(".") or stem.split(".")[0].rstrip().casefold() in _DEVICES:
        stem = f"_{stem}"
    return stem


def read_preset(path: Path) -> Preset:
    """Read a preset from any file. Raises BadPreset."""
    try:
        if not path.is_file():  # a pipe would block
            why = strings.PRESET_IS_NO_FILE if path.exists() else strings.PRESET_IS_MISSING
            raise BadPreset(strings.PRESET_UNREADABLE.format(file=visible(path.name), why=why))
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise BadPreset(strings.PRESET_UNREADABLE.format(file=visible(path.name), why=error.strerror)) from None
    except ValueError:  # a path with a null byte
        raise BadPreset(strings.PRESET_UNREADABLE.format(file="?", why=strings.PRESET_IS_MISSING)) from None
    return parse(data, visible(path.name))


def _is_same_file(a: Path, b: Path) -> bool:
    """Also for names that differ only in case, on a file system for which they are the same."""
    try:
        return a.samefile(b)
    except OSError:
        return a == b


def _remove(path: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    except OSError as error:
        raise DiskTrouble(strings.PRESET_NOT_DELETED.format(path=visible(path), why=error.strerror)) from None
