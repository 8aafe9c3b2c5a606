"""What restyled frames are written to: a film, numbered pictures, or an animated picture."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from velatura.errors import DiskTrouble, FileExists, UsageError
from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura_daemon.film.plan import Plan
from velatura_daemon.film.sources import FRAME_PATTERN, Source, several_numbers
from velatura_daemon.terminal.file_names import results_folder, shortened
from velatura_daemon.user_paths import exists, is_folder, make_folder, real_path, shown

if TYPE_CHECKING:
    from velatura_daemon.film.numbered import NumberedFrames

FILM_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
ANIMATION_SUFFIXES = (".gif", ".png", ".apng", ".webp")
# Bytes per pixel of a film by the encoders' settings in film_file.py: 0.1 to 0.2 for restyled photos, which have more
# detail than photos. Of an animation: 8 bits per pixel, compressed little.
FILM_BYTES_PER_PIXEL, ANIMATION_BYTES_PER_PIXEL = 0.25, 1.0
CLIPPED_NOTE = lazy_text("HDR: values above white were clipped. Write numbered .tif frames to keep them.")


@dataclass(frozen=True)
class SinkOptions:
    """description: how the result was made, as JSON; '' for none. strip_metadata: take over none of the source's.
    force: overwrite. sound: whether the film's sound is taken over. size: the longest side that frames are scaled to;
    None: theirs. is_cut: whether the range has an end; otherwise sound that lasts longer than the frames is kept."""

    description: str = ""
    strip_metadata: bool = False
    force: bool = False
    sound: bool = True
    size: int | None = None
    is_cut: bool = False


class Sink(Protocol):
    """output: the file, or the folder of numbered frames."""

    output: Path

    def check(self, source: Source, plan: Plan | None, options: SinkOptions) -> None:
        """Raise what would stop `write`, before the work starts. plan: None while it is not known yet."""

    def size_estimate(self, source: Source, plan: Plan, pixels: int) -> float:
        """Bytes that the result takes. pixels: of a frame."""

    def write(
        self, source: Source, plan: Plan, frames: Sequence[Picture], options: SinkOptions, wrote: Callable[[int], None]
    ) -> list[str]:
        """Write everything or nothing. frames: all of them in order, each read when it is asked for. wrote: is called
        after each, with their number.
        Returns a sentence for each property that could not be kept."""


def sink_for(output: Path | None, source: Source, painting: Path) -> Sink:
    """Return what to write to. output: as given by the user; None: of the source's kind, beside it. Raises
    UsageError."""
    from velatura_daemon.film.numbered import NumberedFrames

    frames = source if isinstance(source, NumberedFrames) else None
    if output is None:
        output = default_output(source, painting)
        is_numbered, pattern = frames is not None, ""
    else:
        pattern = output.name if is_pattern(output) else ""
        is_numbered = bool(pattern) or is_folder(output) or not output.suffix
    if is_numbered:
        return NumberedSink(output.parent if pattern else output, pattern, frames)
    suffix = output.suffix.lower()
    if suffix in FILM_SUFFIXES:
        from velatura_daemon.film.film_file import FilmSink

        return FilmSink(output)
    if suffix in ANIMATION_SUFFIXES:
        from velatura_daemon.film.animation_file import AnimationSink

        return AnimationSink(output)
    raise UsageError(
        lazy_text(
            "Velatura cannot write {name} as a film. Give a name that ends in {suffixes}, a folder, or a pattern such "
            "as frame_####.png.",
            name=output.name,
            suffixes=", ".join((*FILM_SUFFIXES, *ANIMATION_SUFFIXES)),
        )
    )


def is_pattern(output: Path) -> bool:
    """Whether a name stands for numbered frames. Raises UsageError if it has several numbers."""
    numbers = FRAME_PATTERN.findall(output.name)
    if output.suffix.lower() in FILM_SUFFIXES:
        return False
    if len(numbers) > 1:
        raise several_numbers(output)
    return bool(numbers)


def default_output(source: Source, painting: Path) -> Path:
    """A name beside the source, of its kind; a film in another container than those that are written becomes .mkv,
    which takes all kinds of sound."""
    from velatura_daemon.film.animation import Animation
    from velatura_daemon.film.numbered import NumberedFrames

    path, style = source.path, shortened(painting.stem)
    if isinstance(source, NumberedFrames):
        return results_folder(path if is_folder(path) else path.parent, painting)
    suffix = path.suffix
    if not isinstance(source, Animation) and suffix.lower() not in FILM_SUFFIXES:
        suffix = ".mkv"
    return path.with_name(f"{shortened(path.stem)}-in-{style}{suffix}")


class NumberedSink:
    """Picture files in a folder: of the source's names and formats, or by a pattern such as frame_####.png."""

    def __init__(self, folder: Path, pattern: str, source: NumberedFrames | None) -> None:
        """pattern: of the files' names, such as frame_####.png; '': those of the source, or frame_0001.png if it is
        None. Raises UsageError if the pattern's format cannot be written."""
        self.output, self._pattern, self._source = folder, pattern, source
        if pattern:
            from velatura_daemon.imaging.files.write import format_of

            format_of(folder / pattern)

    def files(self, plan: Plan) -> list[Path]:
        """The file of each frame."""
        from velatura_daemon.batch.frames import frames_for

        if self._source is not None and not self._pattern:
            first = plan.facts.skipped
            return [frame.output for frame in frames_for(self._source.files[first : first + len(plan)], self.output)]
        pattern = self._pattern or f"frame_{'#' * max(4, len(str(len(plan))))}.png"
        match = FRAME_PATTERN.search(pattern)
        assert match is not None
        return [
            self.output / f"{pattern[: match.start()]}{number + 1:0{len(match.group())}}{pattern[match.end() :]}"
            for number in range(len(plan))
        ]

    def check(self, source: Source, plan: Plan | None, options: SinkOptions) -> None:
        if exists(self.output) and not is_folder(self.output):
            raise UsageError(lazy_text("{path} is a file, not a folder. Give another name.", path=shown(self.output)))
        files = self.files(plan) if plan is not None else []
        inputs = {real_path(file) for file in source.files}
        is_among = not self._pattern and real_path(self.output) in {file.parent for file in inputs}
        if is_among or any(real_path(file) in inputs for file in files):
            raise UsageError(
                lazy_text(
                    "The results would be written among the frames in {folder}. Give another folder with --out.",
                    folder=shown(self.output),
                )
            )
        existing = [file for file in files if os.path.lexists(file)]
        if existing and not options.force:
            raise FileExists(
                lazy_text(
                    "{path} already exists. Give another name, or use --force to replace it.", path=shown(existing[0])
                )
            )

    def size_estimate(self, source: Source, plan: Plan, pixels: int) -> float:
        from velatura_daemon.film.space import picture_bytes

        return len(plan) * picture_bytes(pixels, plan.facts.depth)

    def write(
        self, source: Source, plan: Plan, frames: Sequence[Picture], options: SinkOptions, wrote: Callable[[int], None]
    ) -> list[str]:
        self.check(source, plan, options)
        files, made_folders = self.files(plan), make_folder(self.output)
        new = [file for file in files if not os.path.lexists(file)]
        try:
            return self._write(files, plan, frames, options, wrote)
        except BaseException:  # also Ctrl-C: the next run would take the files for the user's
            with contextlib.suppress(OSError):
                for file in new:
                    file.unlink(missing_ok=True)
                for folder in made_folders:
                    folder.rmdir()
            raise

    def _write(
        self,
        files: Sequence[Path],
        plan: Plan,
        frames: Sequence[Picture],
        options: SinkOptions,
        wrote: Callable[[int], None],
    ) -> list[str]:
        from velatura_daemon.imaging.files import read_metadata, write_picture
        from velatura_daemon.imaging.files.metadata import Metadata

        notes: dict[str, None] = {}
        photos: Sequence[Path | None] = [None] * len(plan)
        if self._source is not None:
            photos = self._source.files[plan.facts.skipped :][: len(plan)]
        for number, (file, photo, picture) in enumerate(zip(files, photos, frames, strict=True), 1):
            metadata = read_metadata(photo) if photo is not None else Metadata()
            notes |= dict.fromkeys(
                write_picture(
                    file,
                    picture,
                    description=options.description,
                    metadata=None if options.strip_metadata else metadata,
                    force=options.force,
                )
            )
            wrote(number)
        return list(notes)


def check_file(output: Path, force: bool) -> None:
    """Raise what would stop a file from being written. Raises UsageError, FileExists, DiskTrouble."""
    if is_folder(output):
        raise UsageError(lazy_text("{path} is a folder. Give a file name.", path=shown(output)))
    folder = real_path(output).parent if force else output.parent
    if not is_folder(folder):
        raise UsageError(
            lazy_text(
                "The folder {folder} does not exist. Create it, or write to another folder.", folder=shown(folder)
            )
        )
    if os.path.lexists(output) and not force:
        raise FileExists(
            lazy_text("{path} already exists. Give another name, or use --force to replace it.", path=shown(output))
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DiskTrouble(
            lazy_text("You do not have permission to write in {folder}. Write to another folder.", folder=shown(folder))
        )
