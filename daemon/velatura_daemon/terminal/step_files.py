"""`--save-steps`: the steps of a restyle as numbered pictures, for a film of the painting coming to be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from velatura.errors import DiskTrouble, FileExists, UsageError, VelaturaError
from velatura.i18n import lazy_plural, lazy_text, sentences
from velatura.pixels import Picture
from velatura.protocol.messages import MAX_STEP_EVERY
from velatura.settings import StyleSettings
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.output import Display
from velatura_daemon.user_paths import exists, is_folder, make_folder, meaning, real_path, shown, unwritable

MAX_STEPS = 9999  # files, so that their names have four digits
NAME = re.compile(r"step_\d{4}\.png")


class StepFiles:
    """Writes step_0001.png and so on into a folder. If that fails, it says so once, and the restyle continues."""

    def __init__(self, folder: Path, every: int, *, force: bool) -> None:
        """every: evaluations between two files. force: delete the steps of an earlier restyle. Raises UsageError."""
        if not 1 <= every <= MAX_STEP_EVERY:
            raise UsageError(
                lazy_text("--every is {every}. It takes 1 to {most} steps.", every=every, most=MAX_STEP_EVERY)
            )
        self.folder, self.every, self._force = folder, every, force
        self._written = 0
        self._failed = False

    def keep_apart(self, files: Sequence[Path]) -> None:
        """Raise UsageError if one of these files has the name of a step: it would be replaced or deleted."""
        for path in files:
            if NAME.fullmatch(path.name) and real_path(path.parent) == real_path(self.folder):
                raise UsageError(
                    lazy_text("{path} has the name of a step file. Give --save-steps another folder.", path=shown(path))
                )

    def check(self, width: int, height: int, settings: StyleSettings) -> int:
        """Return how many files there will be at most. width, height: of the photo, pixels. Raises UsageError if there
        would be too many, FileExists, DiskTrouble."""
        from velatura_daemon.engine.pyramid import scales_for

        evaluations = sum(scale.evaluations for scale in scales_for(width, height, settings))
        files = evaluations // self.every + 1
        if files > MAX_STEPS:
            fewest = -(-evaluations // (MAX_STEPS - 1))
            raise UsageError(
                lazy_text(
                    "--every {every} would write {files} files; up to {most} are possible. Give --every {fewest} or "
                    "more.",
                    every=self.every,
                    files=files,
                    most=MAX_STEPS,
                    fewest=fewest,
                )
            )
        if exists(self.folder) and not is_folder(self.folder):
            raise UsageError(
                lazy_text("{path} is a file, not a folder. Give --save-steps another folder.", path=shown(self.folder))
            )
        if (earlier := self._earlier()) and not self._force:
            raise FileExists(
                lazy_text(
                    "{folder} already has steps of an earlier restyle ({name}). Give another folder, or use --force to "
                    "delete them all.",
                    folder=str(self.folder),
                    name=earlier[0].name,
                )
            )
        return files

    def begin(self, width: int, height: int, settings: StyleSettings) -> str:
        """Prepare the folder. Returns how many files there will be at most. Raises what `check` raises."""
        files = self.check(width, height, settings)
        make_folder(self.folder)
        for path in self._earlier():
            try:
                path.unlink()
            except OSError as error:
                why = meaning(error, path)
                raise DiskTrouble(
                    lazy_text("{path} cannot be deleted: {why}. Give another folder.", path=str(path), why=why)
                ) from error
        return lazy_plural(
            "One step of {width} × {height} pixels will be in the folder {folder}.",
            "Up to {count} steps of {width} × {height} pixels will be in the folder {folder}.",
            files,
            width=width,
            height=height,
            folder=str(self.folder),
        )

    def _earlier(self) -> list[Path]:
        """The steps of an earlier restyle. Raises UsageError, DiskTrouble."""
        try:
            return sorted(path for path in self.folder.iterdir() if NAME.fullmatch(path.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def write(self, picture: Picture, display: Display) -> None:
        """Write the next step."""
        from velatura_daemon.imaging.files import write_picture

        if self._failed or self._written >= MAX_STEPS:
            return
        path = self.folder / f"step_{self._written + 1:04d}.png"
        try:
            description = "A step of a restyle"  # not translated: metadata
            write_picture(path, picture, description=description, force=True)
        except VelaturaError as error:
            self._failed = True
            stopped = lazy_text("No more steps are written; the restyle continues.")
            display.note(sentences(stopped, error.sentence))
            return
        self._written += 1
        ending.kept(lazy_text("The steps so far are in {folder}.", folder=str(self.folder)))
