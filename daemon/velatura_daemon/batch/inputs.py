"""The pictures that a batch is given: files, folders, with --recursive also the folders in them, and patterns."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from velatura.errors import UsageError
from velatura.i18n import Text, lazy_list, lazy_plural, lazy_text, sentences
from velatura_daemon.batch.frames import COMPARISON_SHEET, MANIFEST_FILE, SHEET, natural_order
from velatura_daemon.user_paths import exists, is_file, is_folder, real_path, shown, unreadable

MAX_EXTENSIONS_SHOWN = 6  # of ignored files, in the message
# Translators: of files that are ignored; stands in a list such as “.pdf, .txt, no extension”.
NO_EXTENSION = lazy_text("no extension")
# Translators: what is ignored; stands in a list such as “.pdf, .txt, a pipe or a device”.
NO_FILE = lazy_text("a pipe or a device")


@dataclass(frozen=True)
class FoundPictures:
    """photos: in natural order, each once. base: the folder that all of them are in, at any depth; results have the
    same places below the folder for results. ignored: a sentence about the other files, '' if there are none."""

    photos: list[Path]
    base: Path
    ignored: str


def find_pictures(
    inputs: Sequence[Path], used: Iterable[Path] = (), *, recursive: bool | None = False, out: Path | None = None
) -> FoundPictures:
    """Find the pictures, recognised by their extensions: an empty or damaged file counts as a picture.

    inputs: files, folders and patterns such as 'shots/*.jpg'. used: files with another role in the restyle, as
    paintings or masks. recursive: search the folders in a folder too, except hidden ones and those with results of
    a batch; None: the command has no such option. out: the folder for results. Raises UsageError if there is no
    picture, or an input does not exist.
    """
    from velatura_daemon.imaging.files.pillow import suffixes

    paths = list(_expanded(inputs))
    base = base_of(paths)
    search = _Search(suffixes(), {real_path(path) for path in used}, recursive, real_path(out) if out else None)
    for path in paths:
        if not is_folder(path):
            search.file(_absolute(path))
        elif len(paths) == 1:
            search.folder(path)
        elif search.has_results(path):  # a pattern matches the folder of an earlier run too
            search.counts["results"] += 1
        else:
            search.folder(_absolute(path))
    if not search.photos:
        where = lazy_list([*map(str, inputs[:2]), *(["…"] if len(inputs) > 2 else [])])
        raise UsageError(
            sentences(
                # Translators: where: names of files and folders.
                lazy_text("There are no pictures in {where}.", where=where),
                # Translators: it: the folder in which no pictures were found.
                search.ignored or lazy_text("It is empty."),
            )
        )
    photos = sorted(search.photos, key=lambda path: [natural_order(part) for part in path.relative_to(base).parts])
    return FoundPictures(photos, base, search.ignored)


def base_of(paths: Sequence[Path]) -> Path:
    """Return the folder that results' places are relative to: a single folder itself, otherwise the folder that
    contains all files and folders."""
    if len(paths) == 1 and is_folder(paths[0]):
        return paths[0]
    try:
        return Path(os.path.commonpath([_absolute(path).parent for path in paths]))
    except ValueError as error:  # Windows
        raise UsageError(lazy_text("The pictures are on different drives. Run one batch for each drive.")) from error


def _expanded(inputs: Sequence[Path]) -> Iterator[Path]:
    """Replace patterns by the files and folders that match: Windows' shells do not, and a quoted pattern may be longer
    than a command line. A file whose name has the characters of a pattern is that file."""
    for path in inputs:
        if glob.has_magic(str(path)) and not os.path.lexists(path):
            matches = _matches(path)
            if not matches:
                raise UsageError(
                    lazy_text(
                        "No file matches {pattern}. Check the pattern and the folder it starts in.", pattern=shown(path)
                    )
                )
            yield from matches
        else:
            try:
                path.stat()
            except OSError as error:
                raise unreadable(path, error) from error
            yield path


def _matches(pattern: Path) -> list[Path]:
    """Return what a pattern matches, without hidden files and folders. '**' does not follow links."""
    start = next(number for number, part in enumerate(pattern.parts) if glob.has_magic(part))
    top, rest = Path(*pattern.parts[:start]), str(Path(*pattern.parts[start:]))
    try:
        found = sorted(top.glob(rest))
    except (OSError, ValueError) as error:  # ValueError: '**' within a name, as in 'a**'
        raise UsageError(
            lazy_text("The pattern {pattern} cannot be used ({why}). Check it.", pattern=str(pattern), why=str(error))
        ) from error
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(top).parts)]


def _absolute(path: Path) -> Path:
    """Without '.' and '..', and with links as they are, as the user sees the folders."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow the links)


@dataclass
class _Search:
    """known: extensions of pictures. used, out: resolved. photos: found so far; a dict for its order."""

    known: Collection[str]
    used: set[Path]
    recursive: bool | None
    out: Path | None
    photos: dict[Path, None] = field(default_factory=dict)
    extensions: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    _visited: set[tuple[int, int]] = field(default_factory=set)  # folders, by device and inode: links may form a loop

    def file(self, path: Path) -> None:
        """Add a file if it is a picture."""
        if path.suffix.lower() not in self.known:
            self.extensions[path.suffix.lower() or NO_EXTENSION] += 1
        elif exists(path) and not is_file(path):
            self.extensions[NO_FILE] += 1  # reading it may never end
        elif real_path(path) in self.used:
            self.counts["used"] += 1
        elif not (path.name in (SHEET, COMPARISON_SHEET) and exists(path.parent / MANIFEST_FILE)):
            self.photos[path] = None

    def folder(self, top: Path) -> None:
        """Add the pictures in a folder. Raises UsageError if it cannot be read; folders in it are counted instead."""
        pending = [top]
        while pending:
            folder = pending.pop()
            try:
                status = folder.stat()
                entries = sorted(folder.iterdir())
            except OSError as error:
                if folder == top:
                    raise unreadable(folder, error) from error
                self.counts["unreadable"] += 1
                continue
            if status.st_ino and (status.st_dev, status.st_ino) in self._visited:
                continue
            self._visited.add((status.st_dev, status.st_ino))
            for path in entries:
                if path.name.startswith("."):
                    self.counts["hidden"] += path.name != MANIFEST_FILE
                elif not is_folder(path):
                    self.file(path)
                elif not self.recursive:
                    self.counts["folders"] += 1
                elif self.has_results(path):
                    self.counts["results"] += 1
                else:
                    pending.append(path)

    def has_results(self, folder: Path) -> bool:
        """Whether a folder is for results, of this batch or another one."""
        return real_path(folder) == self.out or exists(folder / MANIFEST_FILE)

    @property
    def ignored(self) -> str:
        """A sentence about what was ignored, '' if nothing was."""
        more = ["…"] * (len(self.extensions) > MAX_EXTENSIONS_SHOWN)
        formats = lazy_list([*sorted(self.extensions)[:MAX_EXTENSIONS_SHOWN], *more])
        counts = self.counts
        parts: list[Text] = [
            # Translators: stands in a list of what a batch ignores, as the next ones. formats: such as “.pdf, .txt”.
            lazy_plural(
                "{count} file in formats that Velatura cannot read ({formats})",
                "{count} files in formats that Velatura cannot read ({formats})",
                self.extensions.total(),
                formats=formats,
            ),
            # Translators: hidden files and folders.
            lazy_plural("{count} hidden", "{count} hidden", counts["hidden"]),
            lazy_plural("{count} folder", "{count} folders", counts["folders"])
            if self.recursive is None
            else lazy_plural(
                "{count} folder (--recursive reads it)", "{count} folders (--recursive reads them)", counts["folders"]
            ),
            # Translators: folders that results of batches are in.
            lazy_plural("{count} folder with results", "{count} folders with results", counts["results"]),
            lazy_plural(
                "{count} folder that cannot be read", "{count} folders that cannot be read", counts["unreadable"]
            ),
            lazy_plural(
                "{count} file used as painting or mask", "{count} files used as painting or mask", counts["used"]
            ),
        ]
        ignored = [part for part in parts if part.values["count"]]
        # Translators: what: a list such as “2 files in formats that Velatura cannot read (.pdf), 1 hidden”.
        return lazy_text("Ignored: {what}.", what=lazy_list(ignored)) if ignored else ""
