"""The folder with the finished frames of a film until all of them are there: lossless files, and a record of what they
were made from. With it, a film continues where it stopped."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from velatura.client.locks import PATIENCE, Lock
from velatura.errors import DiskTrouble, FileExists, TooBusy
from velatura.i18n import lazy_plural, lazy_text
from velatura_daemon.batch.file_hashes import FileStat, stat_of
from velatura_daemon.film.plan import Plan
from velatura_daemon.terminal.file_names import with_ending
from velatura_daemon.user_paths import is_folder, make_folder, meaning, real_path, shown, unwritable

if TYPE_CHECKING:
    from velatura.pixels import Picture

ENDING = ".velatura-film"  # of the folder, and the name of its record
MIN_DIGITS = 6  # of a frame's number in the name of its file


def work_folder(output: Path) -> Path:
    """The folder for a result, beside it; in it if that is a folder beside which nothing can be written, such as a home
    folder or a disk."""
    place = real_path(output)
    if is_folder(place) and (not place.name or not os.access(place.parent, os.W_OK | os.X_OK)):
        return place / with_ending("frames", ENDING)
    return place.with_name(with_ending(place.name, ENDING))


class Work:
    """While open, it is locked for this process. `record` may be called from several threads."""

    def __init__(self, output: Path) -> None:
        """Create the folder if it is missing. Raises TooBusy if another command works on this result, DiskTrouble."""
        self.folder = work_folder(output)
        self._record = self.folder / ENDING
        self._made_folders = make_folder(self.folder)
        try:
            self._lock = Lock(self._record)
            free = self._lock.acquire(PATIENCE) and (self._lock.is_current or self._lock.renew())
        except OSError as error:
            raise unwritable(self._record, error) from error
        if not free:
            self._lock.close()
            raise TooBusy(
                lazy_text(
                    "Another 'velatura film' is working on {output}. Wait for it to finish, or give another name with "
                    "--out.",
                    output=shown(output),
                )
            )
        self._append_lock = threading.Lock()
        self._header: dict[str, Any] = {}
        self._frames: dict[int, tuple[str, FileStat]] = {}
        self._read()

    # --- the record ------------------------------------------------------------------------------------
    def _read(self) -> None:
        """Lines of JSON: the first one says what the frames are made from, the others name the finished frames. A later
        line like the first one begins anew. An incomplete line is ignored."""
        content = self._record.read_bytes()
        for line in content.splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError, IndexError):
                fields = dict(json.loads(line))
                if "key" in fields:
                    self._header, self._frames = fields, {}
                else:
                    self._note(int(fields["frame"]), str(fields["file"]), FileStat(*fields["stat"]))
        if content and not content.endswith(b"\n"):
            self._append(b"\n")

    def _note(self, frame: int, name: str, stat: FileStat) -> None:
        """A record may come from somebody else: it must not name files elsewhere, which would be deleted."""
        if name == Path(name).name:
            self._frames[frame] = name, stat

    def plan_for(self, stats: Any, settings: Any) -> Plan | None:
        """The plan of an earlier run, if it was made from files with these sizes and dates and from these settings."""
        if self._header.get("stats") == stats and self._header.get("planned_by") == settings:
            return Plan.from_json(self._header.get("plan"))
        return None

    def input_hash(self, stats: Any) -> str:
        """The hash of the input by an earlier run, if its files have these sizes and dates; '' otherwise."""
        return str(self._header.get("input", "")) if self._header.get("stats") == stats else ""

    def missing(self, key: str, shots: Iterable[range]) -> int:
        """How many frames are to be restyled: in each shot the first one that is not finished, and those after it,
        which follow it. key: as of `begin`."""
        is_known = self._header.get("key") == key
        return sum(shot.stop - (self.first_missing(shot) if is_known else shot.start) for shot in shots)

    def first_missing(self, shot: range) -> int:
        """The first frame of a shot that is not finished; its end if there is none."""
        return next((number for number in shot if not self.is_done(number)), shot.stop)

    def begin(self, key: str, input_hash: str, stats: Any, planned_by: Any, plan: Plan, *, force: bool) -> None:
        """Note what the frames are made from. Frames of another restyle are only deleted with force; otherwise raises
        FileExists. key: stands for everything that changes a frame."""
        if self._header.get("key") not in (None, key):
            count = len(self._frames)
            if count and not force:
                raise FileExists(
                    lazy_plural(
                        "{folder} has {count} frame that was made with other settings, or from another film. Give "
                        "another name with --out, or use --force to begin again.",
                        "{folder} has {count} frames that were made with other settings, or from another film. Give "
                        "another name with --out, or use --force to begin again.",
                        count,
                        folder=shown(self.folder),
                    )
                )
            self._clear()
        if self._header.get("key") == key and self._header.get("stats") == stats:
            return
        header = {"key": key, "input": input_hash, "stats": stats, "planned_by": planned_by, "plan": plan.to_json()}
        lines = [json.dumps(header), *(self._line(frame) for frame in self._frames)]
        with self._writing():
            if not self._frames:
                os.ftruncate(self._lock.fd, 0)
            self._append(("\n".join(lines) + "\n").encode())
        self._header = header

    def _clear(self) -> None:
        for name, _ in self._frames.values():
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()
        self._frames.clear()

    def is_done(self, frame: int) -> bool:
        """Whether a frame is finished, and its file as it was written. frame: from 0."""
        name, stat = self._frames.get(frame, ("", None))
        try:
            return stat is not None and stat_of(self.folder / name) == stat
        except OSError:
            return False

    def file_for(self, frame: int, sample: str) -> Path:
        """The file that a frame will get. sample: of its pixels."""
        lossless = ".png" if sample.startswith("u") else ".tif"
        return self.folder / f"frame_{frame + 1:0{MIN_DIGITS}}{lossless}"

    def path_of(self, frame: int) -> Path:
        """The file of a finished frame."""
        return self.folder / self._frames[frame][0]

    @property
    def count(self) -> int:
        """How many frames are recorded."""
        return len(self._frames)

    # --- frames ----------------------------------------------------------------------------------------
    def save(self, frame: int, picture: Picture) -> Path:
        """Write a finished frame, of which nothing is lost, and record it. Returns its file. Raises DiskTrouble."""
        from velatura_daemon.imaging.files import write_picture

        path = self.file_for(frame, picture.format.sample)
        write_picture(path, picture, description="", metadata=None, force=True)
        with self._writing():
            self._frames[frame] = path.name, stat_of(path)
            self._append((self._line(frame) + "\n").encode())
        return path

    def read(self, frame: int) -> Picture:
        """Read a finished frame."""
        from velatura_daemon.imaging.files import read_picture

        return read_picture(self.path_of(frame), max_megapixels=float("inf")).picture

    def _line(self, frame: int) -> str:
        name, stat = self._frames[frame]
        return json.dumps({"frame": frame, "file": name, "stat": stat})

    @contextlib.contextmanager
    def _writing(self) -> Any:
        try:
            with self._append_lock:
                yield
        except OSError as error:
            raise DiskTrouble(
                lazy_text(
                    "The frame cannot be recorded in {path} ({reason}). Free some space.",
                    path=shown(self._record),
                    reason=meaning(error, self._record),
                )
            ) from error

    def _append(self, data: bytes) -> None:
        """Append completely or not at all: a partial line would corrupt the next one. Raises OSError."""
        end = os.lseek(self._lock.fd, 0, os.SEEK_END)
        rest = memoryview(data)
        try:
            while rest.nbytes:
                rest = rest[os.write(self._lock.fd, rest) :]
        except OSError:
            os.ftruncate(self._lock.fd, end)
            raise

    # --- the end ---------------------------------------------------------------------------------------
    def delete(self) -> None:
        """The film is written: its frames are not needed any more. Files of others stay."""
        self._clear()
        self._header = {}
        with contextlib.suppress(OSError):
            os.ftruncate(self._lock.fd, 0)

    def close(self) -> None:
        """Nothing is left behind if no frame is finished."""
        if not self._frames:
            with contextlib.suppress(OSError):
                self._record.unlink()
        self._lock.close()
        if not self._frames:
            for folder in sorted({self.folder, *self._made_folders}, key=lambda folder: -len(folder.parts)):
                with contextlib.suppress(OSError):  # it is not empty
                    folder.rmdir()

    def __enter__(self) -> Work:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FinishedFrames(Sequence["Picture"]):  # not translated: the name of a class
    """The finished frames of a film, each read when it is asked for."""

    def __init__(self, work: Work, count: int) -> None:
        self._work, self._count = work, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        if isinstance(index, slice):
            return [self._work.read(number) for number in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._work.read(index)
