"""What an executor is given: one restyle with its files, or a question how long one would take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from velatura.pixels import PictureRef
from velatura.settings import StyleSettings
from velatura_daemon.memory_plan import NO_INPUTS, Inputs


@dataclass(frozen=True)
class PictureFile:
    """A picture whose bytes lie in a file. path: None while the job travels to another machine, which finds the file by
    the picture's hash. profile_path: the picture's ICC profile; None without one."""

    picture: PictureRef
    path: Path | None
    profile_path: Path | None = None

    @property
    def file(self) -> Path:
        """Its path on this machine."""
        assert self.path is not None, "the picture has no file on this machine"  # not translated: a mistake of ours
        return self.path

    @property
    def files(self) -> dict[bytes, Path]:
        """Its files by the hashes of their contents."""
        files = {self.picture.blob: self.file}
        if self.profile_path is not None:
            files[self.picture.profile] = self.profile_path
        return files


@dataclass(frozen=True)
class View:
    """The only part of the content to restyle, in its pixels, at its own resolution."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class StyleInput:
    """A style picture. share: its weight among the styles, above 0. region: where in the content it applies, a GRAY
    picture of the content's size; None: wherever no other style has a region."""

    picture: PictureFile
    share: float
    region: PictureFile | None = None


@dataclass(frozen=True)
class PreviousInput:
    """A frame of the same film, and its result, which has the same size."""

    content: PictureFile
    result: PictureFile


@dataclass(frozen=True)
class StartingImage:
    """An earlier image of the same restyle to continue from: float32 (3, height, width), as numpy saves it.

    content: what the image was made of, which the file has too; None: the job's content. step: how many steps of its
    scale are done. width: of that scale, in pixels, since a crash may leave the image of a later one; 0: the image's.
    verify_inputs: the job survived a crash, so the input files are checked
    against their hashes first. blob: SHA-256 of the file, set while the job travels to another machine.
    """

    path: Path | None
    step: int
    verify_inputs: bool = False
    blob: bytes = b""
    content: PictureRef | None = None
    width: int = 0


@dataclass(frozen=True)
class OutputPaths:
    """Where a worker writes. result: the pixels of the result. last_image: the optimised image at the end, float32.
    checkpoint: the image every few seconds, float32."""

    result: Path
    last_image: Path
    checkpoint: Path

    def step(self, number: int) -> Path:
        """The file for the picture of a JobStep."""
        return self.result.with_name(f"{self.result.name}-step-{number}")

    @classmethod
    def in_folder(cls, folder: Path, ticket: str) -> OutputPaths:
        """Files directly in the folder, whatever the ticket contains."""
        name = quote(ticket, safe="", errors="replace")
        return cls(folder / f"result-{name}", folder / f"last-{name}", folder / f"keep-{name}")


@dataclass(frozen=True)
class JobSpec:
    """One restyle, validated, with everything an executor needs.

    ticket: the name that the scheduler and the executor use for it (job ids belong to clients, and a job may run more
    than once). layer: identifies the layer across jobs. device: auto, or the device the user asked for. adjust:
    settings or the content changed since the layer's last restyle. resumable: checkpoints are worth writing.
    finish_now: no further step; the starting image becomes the result. outputs: None while the job travels to another
    machine. view: None for the whole content. step_every: evaluations from one JobStep to the next; 0: none.
    previous: frames of the same film that the result follows, the nearest first.
    background: it gives way to other jobs, on another daemon too. via: the daemons that have it, this one last, by
    their ids. once: nothing of the content needs to be kept for another restyle.
    """

    ticket: str
    layer: str
    content: PictureFile
    styles: tuple[StyleInput, ...]
    mask: PictureFile | None
    settings: StyleSettings
    weights: str = "auto"
    device: str = "auto"
    adjust: bool = False
    resumable: bool = True
    finish_now: bool = False
    start: StartingImage | None = None
    outputs: OutputPaths | None = None
    view: View | None = None
    step_every: int = 0
    previous: tuple[PreviousInput, ...] = ()
    background: bool = False
    via: tuple[str, ...] = ()
    once: bool = False

    @property
    def inputs(self) -> list[PictureFile]:
        """Content, styles, regions, mask, previous frames."""
        regions = [style.region for style in self.styles if style.region is not None]
        masks = [self.mask] if self.mask is not None else []
        frames = [picture for frame in self.previous for picture in (frame.content, frame.result)]
        return [self.content, *(style.picture for style in self.styles), *regions, *masks, *frames]

    @property
    def files(self) -> OutputPaths:
        """Where to write on this machine."""
        assert self.outputs is not None, "no output files on this machine"  # not translated: a mistake of ours
        return self.outputs


@dataclass(frozen=True)
class EstimateRequest:
    """How long would this take? ticket: names the question. width, height: pixels of the content. inputs: styles and
    regions. via: the daemons that it has come to, this one last, by their ids."""

    ticket: str
    width: int
    height: int
    settings: StyleSettings
    weights: str = "auto"
    device: str = "auto"
    inputs: Inputs = NO_INPUTS
    via: tuple[str, ...] = ()
