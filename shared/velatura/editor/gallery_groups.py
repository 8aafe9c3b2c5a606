"""The gallery's groups: favourites, recent styles, sample paintings, and the user's folders; and how users arrange
them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from velatura import strings
from velatura.editor.style_folders import FolderListing
from velatura.editor.ui_state import MAX_RECENT, Style, UiState
from velatura.foreign_text import visible

MAX_NAME = 60  # characters of a style's name in the gallery
MAX_FAVOURITES = 200
MAX_ARRANGED = 1000  # names and removed styles that are remembered; the newest
FAVOURITES, RECENT, SAMPLES, FOLDER = "favourites", "recent", "samples", "folder"  # kinds of groups


@dataclass(frozen=True)
class Group:
    """Styles under a heading. note: a sentence to show with it, or ''. folder: the path of a user's folder, or ''."""

    kind: str
    title: str
    styles: tuple[Style, ...]
    folder: str = ""
    note: str = ""

    @property
    def is_sortable(self) -> bool:
        """Whether the user decides the order; the pictures of a folder are ordered by name."""
        return self.kind != FOLDER


def gallery_groups(
    state: UiState,
    new: Sequence[Style],
    samples: Sequence[Style],
    listings: Mapping[str, FolderListing],
    exists: Callable[[str], bool] = os.path.isfile,
) -> list[Group]:
    """Return the groups of the gallery; each style is in the first group that has it.

    new: chosen styles that may be in no group yet; those come first among the recent ones. listings: of the folders
    that have been read. exists: whether there is a file; favourites may be on a drive that is not connected.
    """
    removed, order = set(state.removed), {path: place for place, path in enumerate(state.sample_order)}
    favourites = [style for style in state.favourites if exists(style.path)]
    paintings = [style for style in samples if style.path not in removed]
    paintings.sort(key=lambda style: order.get(style.path, len(order)))
    folders = [
        (
            folder,
            [style for style in listings[folder].styles if style.path not in removed] if folder in listings else [],
        )
        for folder in state.folders
    ]
    known = {style.path for style in (*favourites, *state.recent, *paintings)}
    known.update(style.path for _, styles in folders for style in styles)
    recent = [*(style for style in new if style.path not in known), *state.recent]
    shown: set[str] = set()

    def once(styles: Iterable[Style]) -> tuple[Style, ...]:
        found = []
        for style in styles:
            if style.path not in shown:
                shown.add(style.path)
                found.append(replace(style, name=state.names.get(style.path, style.name)))
        return tuple(found)

    groups = [
        Group(FAVOURITES, strings.FAVOURITES, once(favourites)),
        Group(RECENT, strings.RECENT_STYLES, once(recent)),
        Group(SAMPLES, strings.SAMPLE_PAINTINGS, once(paintings)),
    ]
    groups = [group for group in groups if group.styles]
    for folder, styles in folders:
        note = listings[folder].note if folder in listings else strings.FOLDER_LOADING
        groups.append(Group(FOLDER, _folder_title(folder), once(styles), folder, note))
    return groups


def group_of(groups: Iterable[Group], style: Style) -> Group | None:
    """Return the group that has a style; None if it has left the gallery, for example since its file is gone."""
    return next((group for group in groups if any(one.path == style.path for one in group.styles)), None)


def _folder_title(folder: str) -> str:
    """The name of a folder, also if it has bytes that are no text, which no toolkit shows."""
    return visible(Path(folder).name or folder)


def matches(name: str, search: str) -> bool:
    """Return whether every word of a search is in a name. Capitals and accents do not matter."""
    name = _plain(name)
    return all(word in name for word in _plain(search).split())


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


# --- what the user arranges ----------------------------------------------------------------------------
def move(state: UiState, group: Group, style: Style, by: int) -> None:
    """Move a style by so many places in its group, as far as there are places."""
    styles = list(group.styles)
    place = next(index for index, other in enumerate(styles) if other.path == style.path)
    styles.insert(max(0, min(place + by, len(styles) - 1)), styles.pop(place))
    styles = [Style(one.path, one.name) for one in styles]
    paths = {one.path for one in styles}
    if group.kind == FAVOURITES:  # those whose drive is not connected stay
        state.favourites = styles + [one for one in state.favourites if one.path not in paths]
    elif group.kind == RECENT:
        state.recent = (styles + [one for one in state.recent if one.path not in paths])[:MAX_RECENT]
    elif group.kind == SAMPLES:
        state.sample_order = [one.path for one in styles]


def rename(state: UiState, style: Style, name: str) -> None:
    """Give a style another name in the gallery; an empty name changes nothing."""
    name = " ".join(name.split())[:MAX_NAME]
    if name:
        state.names.pop(style.path, None)
        state.names[style.path] = name
        for path in list(state.names)[:-MAX_ARRANGED]:
            del state.names[path]


def is_favourite(state: UiState, style: Style) -> bool:
    return any(one.path == style.path for one in state.favourites)


def set_favourite(state: UiState, style: Style, favourite: bool) -> None:
    """Add a style to the favourites as the last one, or take it out."""
    state.favourites = [one for one in state.favourites if one.path != style.path]
    if favourite:
        state.favourites = [*state.favourites, Style(style.path, style.name)][-MAX_FAVOURITES:]
        state.removed = [path for path in state.removed if path != style.path]


def remove(state: UiState, style: Style) -> None:
    """Take a style out of the gallery; its file stays."""
    state.favourites = [one for one in state.favourites if one.path != style.path]
    state.recent = [one for one in state.recent if one.path != style.path]
    state.removed = [*(path for path in state.removed if path != style.path), style.path][-MAX_ARRANGED:]


def add_folder(state: UiState, folder: str) -> None:
    """Make the pictures of a folder a group of the gallery."""
    folder = str(Path(folder).absolute())
    if folder not in state.folders:
        state.folders.append(folder)


def remove_folder(state: UiState, folder: str) -> None:
    """Take a folder out of the gallery; its files stay."""
    state.folders = [one for one in state.folders if one != folder]
