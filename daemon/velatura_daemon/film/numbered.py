"""Frames in files of their own: a folder, or a pattern such as frame_####.png."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.errors import UsageError
from velatura.i18n import lazy_plural, lazy_text
from velatura_daemon.batch.frames import natural_order
from velatura_daemon.batch.inputs import find_pictures
from velatura_daemon.film.sources import FRAME_PATTERN, Facts, Reading, ScannedFrame, several_numbers
from velatura_daemon.film.timing import DEFAULT_RATE, FrameRange, Timing
from velatura_daemon.user_paths import is_folder, shown, unreadable

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture

SCAN_SIDE = 256  # pixels to which a JPEG may be reduced while it is decoded for `scenes`
MAX_GAPS_NAMED = 10  # in the message about missing frames
_NUMBER = re.compile(r"\d+(?=\D*$)")  # the last number of a name


class NumberedFrames:
    """Picture files in the order of their numbers, all shown equally long."""

    def __init__(
        self,
        path: Path,
        files: Sequence[Path],
        rate: Fraction | None,
        ignored: str = "",
        number: re.Pattern[str] | None = None,
    ) -> None:
        """Raises UsageError if frames are missing. ignored: a sentence about other files. number: finds a frame's
        number in its name."""
        self.path, self.files = path, list(files)
        self._facts = Facts(1 / (rate or DEFAULT_RATE), notes=(ignored,) if ignored else ())
        check_complete(self.files, path, number)

    @classmethod
    def in_folder(cls, folder: Path, rate: Fraction | None, used: Sequence[Path] = ()) -> NumberedFrames:
        """used: paintings and masks, which are no frames."""
        found = find_pictures([folder], used, recursive=None)
        return cls(folder, found.photos, rate, found.ignored)

    @classmethod
    def matching(cls, pattern: Path, rate: Fraction | None) -> NumberedFrames:
        """pattern: a row of '#' stands for a number with that many digits, or more."""
        places = list(FRAME_PATTERN.finditer(pattern.name))
        if len(places) > 1:
            raise several_numbers(pattern)
        start, end = places[0].span()
        before, after = re.escape(pattern.name[:start]), re.escape(pattern.name[end:])
        name = re.compile(f"(?<=^{before})[0-9]{{{end - start},}}(?={after}$)")
        try:
            files = [file for file in pattern.parent.iterdir() if name.search(file.name) and not is_folder(file)]
        except OSError as error:
            raise unreadable(pattern.parent, error) from error
        if not files:
            raise UsageError(
                lazy_text("No file matches {pattern}. Check the name and the folder.", pattern=shown(pattern))
            )
        return cls(pattern, sorted(files, key=lambda file: natural_order(file.name)), rate, number=name)

    @property
    def facts(self) -> Facts:
        return self._facts

    def scan(self, part: FrameRange) -> Iterator[ScannedFrame]:
        from velatura_daemon.film.scenes import small_grey
        from velatura_daemon.imaging.files import read_picture
        from velatura_daemon.imaging.files.raster import from_picture

        facts = self._facts
        facts.skipped, first_name, first_format = 0, "", None
        for index, file in enumerate(self.files):
            seconds = index * facts.unit
            if part.is_before(index + 1, seconds):
                facts.skipped += 1
                continue
            if part.is_after(index + 1, seconds):
                return
            loaded = read_picture(file, at_most=SCAN_SIDE)
            size, fmt = (loaded.original_width, loaded.original_height), loaded.picture.format
            facts.depth = max(facts.depth, fmt.bytes_per_pixel // len(fmt.channels))
            facts.has_alpha |= fmt.has_alpha
            facts.is_mixed |= first_format not in (None, fmt)
            if not first_name:
                facts.size, first_name, first_format = size, file.name, fmt
            elif size != facts.size:
                raise UsageError(
                    lazy_text(
                        "{name} is {width} × {height} pixels, but {first} is {first_width} × {first_height}. All "
                        "frames of a film have the same size.",
                        name=file.name,
                        width=size[0],
                        height=size[1],
                        first=first_name,
                        first_width=facts.size[0],
                        first_height=facts.size[1],
                    )
                )
            yield ScannedFrame(index - facts.skipped, 1, small_grey(from_picture(loaded.picture).pixels), file.name)

    def frames(self, timing: Timing, facts: Facts, first: int, reading: Reading) -> Iterator[LoadedPicture]:
        from velatura_daemon.terminal.photos import read_photo

        for file in self.files[facts.skipped + first : facts.skipped + len(timing)]:
            # Light above white is kept. Compressed, each frame would be adapted to its own brightest pixel; a sink that
            # cannot have it clips it, and says so.
            name = Path(f"{file.stem}.tif")
            yield read_photo(file, name, reading.settings, reading.options, reading.max_megapixels)


def check_complete(files: Sequence[Path], where: Path, number: re.Pattern[str] | None = None) -> None:
    """Raise UsageError, which names the frames, if numbers are missing, or there twice, in names that differ in their
    numbers only. number: finds the number in a file's name; None: it is the last one, and formats may differ."""
    series: dict[tuple[str, str], dict[int, Path]] = {}
    for file in files:
        name = file.name if number else file.stem
        match = (number or _NUMBER).search(name)
        if match is None:
            continue
        numbers = series.setdefault((name[: match.start()], name[match.end() :]), {})
        same = numbers.setdefault(int(match.group()), file)
        if same != file:
            raise UsageError(
                lazy_text(
                    "{first} and {second} have the same number. Nothing was started. Keep one of them in {where}, or "
                    "give each a number of its own.",
                    first=same.name,
                    second=file.name,
                    where=shown(where),
                )
            )
    for numbers in series.values():
        present = sorted(numbers)
        gaps = [(one + 1, other - 1) for one, other in itertools.pairwise(present) if other > one + 1]
        if gaps:
            missing = sum(last - first + 1 for first, last in gaps)
            named = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in gaps[:MAX_GAPS_NAMED])
            raise UsageError(
                lazy_plural(
                    "Frame {numbers} is missing in {where}. Nothing was started. Add it, or number the frames without "
                    "gaps.",
                    "{count} frames are missing in {where}: {numbers}. Nothing was started. Add them, or number the "
                    "frames without gaps.",
                    missing,
                    numbers=named + (", …" if len(gaps) > MAX_GAPS_NAMED else ""),
                    where=shown(where),
                )
            )
