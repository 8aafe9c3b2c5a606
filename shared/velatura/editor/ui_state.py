"""What the windows remember between sessions: settings, styles, the gallery, where they were. A JSON file in the
config."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs, read_private_file, write_private_file
from velatura.client.saved_results import valid_settings
from velatura.editor.style_regions import Place, Region
from velatura.editor.window_place import Box, read_box
from velatura.errors import UnsafeConnectionFile
from velatura.pixels import Picture
from velatura.settings import StyleSettings

MAX_RECENT = 24  # used styles in the gallery


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
class UiState:
    """settings, styles: of the last restyle. recent: the used styles in the order of the gallery, which the user may
    change; new ones come first. removed: paths of samples that the user has removed from the gallery. folder: where a
    style was last opened from; '' at first. windows: where each window was, by its name.
    """

    settings: StyleSettings = field(default_factory=StyleSettings)
    styles: list[Style] = field(default_factory=list)
    recent: list[Style] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    folder: str = ""
    windows: dict[str, Box] = field(default_factory=dict)

    def copy(self) -> UiState:
        """A copy that a thread may save while this one changes."""
        return replace(
            self,
            styles=list(self.styles),
            recent=list(self.recent),
            removed=list(self.removed),
            windows=dict(self.windows),
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
    try:
        fields = json.loads(read_private_file(_file(dirs, program), limit=1 << 20))
        windows = {str(name): read_box(box) for name, box in dict(fields.get("windows") or {}).items()}
        return UiState(
            valid_settings(fields.get("settings")),
            _load_styles(fields.get("styles")),
            _load_styles(fields.get("recent"))[:MAX_RECENT],
            [str(path) for path in fields.get("removed") or []],
            str(fields.get("folder") or ""),
            {name: box for name, box in windows.items() if box is not None},
        )
    except (FileNotFoundError, ValueError, TypeError, AttributeError, UnsafeConnectionFile):
        return UiState()


def save(dirs: AppDirs, program: str, state: UiState) -> None:
    """Save the state of a program's window. Raises DiskTrouble."""
    fields = {
        "settings": state.settings.to_wire(),
        "styles": [_style_fields(style) for style in state.styles],
        "recent": [_style_fields(style) for style in state.recent],
        "removed": state.removed,
        "folder": state.folder,
        "windows": {name: list(box) for name, box in state.windows.items()},
    }
    write_private_file(_file(dirs, program), json.dumps(fields, indent=1, ensure_ascii=False).encode())


def _style_fields(style: Style) -> dict[str, Any]:
    return {"path": style.path, "name": style.name, "share": style.share}


def _load_styles(value: Any) -> list[Style]:
    styles = []
    for item in value if isinstance(value, list) else []:
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            continue
        share = item.get("share", 1.0)
        is_valid = isinstance(share, (int, float)) and not isinstance(share, bool) and 0 < share < 1e6
        if Path(item["path"]).is_file():
            styles.append(Style(item["path"], str(item.get("name", ""))[:200], float(share) if is_valid else 1.0))
    return styles
