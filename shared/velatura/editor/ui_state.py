"""What a window remembers from one time to the next: the knobs, the styles, the gallery. A JSON file, the user's
own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs, read_private_file, write_private_file
from velatura.client.saved_results import settings_that_stand
from velatura.editor.style_regions import Place, Region
from velatura.errors import UnsafeConnectionFile
from velatura.pixels import Picture
from velatura.settings import StyleSettings

MOST_RECENT = 24  # styles in the gallery


@dataclass(frozen=True)
class Style:
    """A style as a file, a name, its share among several, and where it goes, which belongs to one picture and is not
    remembered."""

    path: str
    name: str
    share: float = 1.0
    region: Region | None = None

    def region_over(self, place: Place) -> Picture | None:
        """The region's part of what is restyled. Raises RegionElsewhere."""
        return self.region.over(place) if self.region is not None else None


@dataclass
class UiState:
    """settings and styles of the last restyle; recent: styles used, the latest first."""

    settings: StyleSettings = field(default_factory=StyleSettings)
    styles: list[Style] = field(default_factory=list)
    recent: list[Style] = field(default_factory=list)

    def used(self, styles: list[Style], settings: StyleSettings) -> None:
        """A restyle with these was begun."""
        self.settings, self.styles = settings, [replace(style, region=None) for style in styles]
        paths = {style.path for style in styles}
        rest = [style for style in self.recent if style.path not in paths]
        self.recent = [Style(s.path, s.name) for s in styles] + rest
        del self.recent[MOST_RECENT:]


def _file(places: AppDirs, program: str) -> Path:
    return places.config / f"window-{program}.json"


def load(places: AppDirs, program: str) -> UiState:
    """What was remembered. A damaged file, an unknown knob, a picture that is no more: left out, never an error."""
    try:
        said = json.loads(read_private_file(_file(places, program), limit=1 << 20))
        return UiState(
            settings_that_stand(said.get("settings")),
            _styles(said.get("styles")),
            _styles(said.get("recent"))[:MOST_RECENT],
        )
    except (FileNotFoundError, ValueError, AttributeError, UnsafeConnectionFile):
        return UiState()


def save(places: AppDirs, program: str, remembered: UiState) -> None:
    """Raises DiskTrouble."""
    said = {
        "settings": remembered.settings.to_wire(),
        "styles": [_said(style) for style in remembered.styles],
        "recent": [_said(style) for style in remembered.recent],
    }
    write_private_file(_file(places, program), json.dumps(said, indent=1, ensure_ascii=False).encode())


def _said(style: Style) -> dict[str, Any]:
    return {"path": style.path, "name": style.name, "share": style.share}


def _styles(said: Any) -> list[Style]:
    styles = []
    for item in said if isinstance(said, list) else []:
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            continue
        share = item.get("share", 1.0)
        usable = isinstance(share, (int, float)) and not isinstance(share, bool) and 0 < share < 1e6
        if Path(item["path"]).is_file():
            styles.append(Style(item["path"], str(item.get("name", ""))[:200], float(share) if usable else 1.0))
    return styles
