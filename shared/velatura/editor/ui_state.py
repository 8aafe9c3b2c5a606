"""What the windows remember between sessions: settings, styles, the gallery, where they were. A JSON file in the
config."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs, read_config_file, write_config_file
from velatura.client.saved_results import valid_settings
from velatura.editor.file_paths import is_file
from velatura.editor.style_regions import Place, Region
from velatura.editor.window_place import Box, read_box
from velatura.errors import UnsafeConnectionFile
from velatura.pixels import Picture
from velatura.settings import StyleSettings

MAX_RECENT = 24  # used styles in the gallery
MAX_FILE = 4 << 20  # bytes

_saving = threading.Lock()
_NOTHING = object()


@dataclass(frozen=True)
class Style:
    """A style in a window: its file, name, share among several styles, and region.

    The region belongs to one picture and is not stored.
    """

    path: str
    name: str
    share: float = 1.0
    region: Region | None = None

    def region_over(self, place: Place) -> Picture | None:
        """Return the part of the region within a place, or None without a region. Raises RegionElsewhere."""
        return self.region.over(place) if self.region is not None else None


@dataclass
class _Origin:
    """What a state and its copies have in common. fields: as last loaded or saved. saved: the number of the newest copy
    that was saved."""

    fields: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    saved: int = 0


@dataclass
class UiState:
    """settings, styles: of the last restyle. recent: the used styles in the order of the gallery, which the user may
    change; new ones come first. removed: paths of samples and pictures in folders that the user has removed from the
    gallery. folder: where a style was last opened from; '' at first. windows: where each window was, by its name.
    favourites: in the user's order. folders: whose pictures are in the gallery. sample_order: the paths of the sample
    paintings as the user has arranged them. names: those that the user has given to styles, by path. drafts: whether
    the preview shows quick drafts.
    """

    settings: StyleSettings = field(default_factory=StyleSettings)
    styles: list[Style] = field(default_factory=list)
    recent: list[Style] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    folder: str = ""
    windows: dict[str, Box] = field(default_factory=dict)
    favourites: list[Style] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    sample_order: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    drafts: bool = True
    origin: _Origin = field(default_factory=_Origin, repr=False, compare=False)
    number: int = field(default=0, repr=False, compare=False)  # of a copy

    def copy(self) -> UiState:
        """A copy that a thread may save while this one changes."""
        return replace(
            self,
            styles=list(self.styles),
            recent=list(self.recent),
            removed=list(self.removed),
            windows=dict(self.windows),
            favourites=list(self.favourites),
            folders=list(self.folders),
            sample_order=list(self.sample_order),
            names=dict(self.names),
            number=next(self.origin.numbers),
        )

    def record_use(self, styles: list[Style], settings: StyleSettings) -> None:
        """Record that a restyle with these styles and settings was started."""
        self.settings, self.styles = settings, [replace(style, region=None) for style in styles]
        known = {style.path for style in self.recent}
        self.recent = [Style(style.path, style.name) for style in styles if style.path not in known] + self.recent
        used = {style.path for style in styles}
        while len(self.recent) > MAX_RECENT:
            unused = [style for style in self.recent if style.path not in used]
            self.recent.remove(unused[-1] if unused else self.recent[-1])


def _file(dirs: AppDirs, program: str) -> Path:
    return dirs.config / f"window-{program}.json"


def load(dirs: AppDirs, program: str) -> UiState:
    """Load the state of a program's window.

    Never fails: a damaged file, unknown settings and styles whose files no longer exist are ignored.
    """
    state = _read(_file(dirs, program), only_existing=True) or UiState()
    state.origin.fields = _fields(state)
    return state


def save(dirs: AppDirs, program: str, state: UiState) -> None:
    """Save the state of a program's window. Raises DiskTrouble.

    Another window may have saved since this state was loaded: its values are kept wherever this state has not changed.
    Threads may save copies in any order: one that is older than the last saved one is left out.
    """
    mine, origin, path = _fields(state), state.origin, _file(dirs, program)
    number = state.number or next(origin.numbers)
    with _saving:
        if number < origin.saved:
            return
        there = _read(path, only_existing=False)
        theirs = _fields(there) if there is not None else {}
        if there is None and path.exists():  # damaged, or not readable: somebody may want to mend it
            path.replace(path.with_name(f"{path.name}.damaged"))
        changed = {name: value for name, value in mine.items() if origin.fields.get(name, _NOTHING) != value}
        fields = {**mine, **theirs, **changed}
        write_config_file(path, json.dumps(fields, indent=1).encode())  # ASCII: a path may be no valid text
        origin.saved = number
        origin.fields.update(changed)


def paths_in_use(dirs: AppDirs) -> set[str]:
    """The paths of the styles that the windows of all programs show."""
    states = [_read(path, only_existing=False) for path in dirs.config.glob("window-*.json")]
    return {style.path for state in states if state for style in (*state.styles, *state.recent, *state.favourites)}


def _read(path: Path, *, only_existing: bool) -> UiState | None:
    """Read a file, or return None if that is not possible. only_existing: leave out styles whose files are gone."""
    try:
        fields = json.loads(read_config_file(path, MAX_FILE))
        windows = {str(name): read_box(box) for name, box in dict(fields.get("windows") or {}).items()}
        return UiState(
            valid_settings(fields.get("settings")),
            _load_styles(fields.get("styles"), only_existing=only_existing),
            _load_styles(fields.get("recent"), only_existing=only_existing)[:MAX_RECENT],
            [str(path) for path in fields.get("removed") or []],
            str(fields.get("folder") or ""),
            {name: box for name, box in windows.items() if box is not None},
            _load_styles(fields.get("favourites"), only_existing=False),
            [str(path) for path in fields.get("folders") or []],
            [str(path) for path in fields.get("sample_order") or []],
            {str(path): str(name)[:200] for path, name in dict(fields.get("names") or {}).items()},
            fields.get("drafts") is not False,
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, UnsafeConnectionFile):
        return None


def _fields(state: UiState) -> dict[str, Any]:
    """The state as a map for JSON, which shares nothing with it."""
    return {
        "settings": state.settings.to_wire(),
        "styles": [_style_fields(style) for style in state.styles],
        "recent": [_style_fields(style) for style in state.recent],
        "removed": list(state.removed),
        "folder": state.folder,
        "windows": {name: list(box) for name, box in state.windows.items()},
        "favourites": [_style_fields(style) for style in state.favourites],
        "folders": list(state.folders),
        "sample_order": list(state.sample_order),
        "names": dict(state.names),
        "drafts": state.drafts,
    }


def _style_fields(style: Style) -> dict[str, Any]:
    return {"path": style.path, "name": style.name, "share": style.share}


def _load_styles(value: Any, *, only_existing: bool = True) -> list[Style]:
    styles = []
    for item in value if isinstance(value, list) else []:
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            continue
        share = item.get("share", 1.0)
        is_valid = isinstance(share, (int, float)) and not isinstance(share, bool) and 0 < share < 1e6
        if not only_existing or is_file(item["path"]):
            styles.append(Style(item["path"], str(item.get("name", ""))[:200], float(share) if is_valid else 1.0))
    return styles
