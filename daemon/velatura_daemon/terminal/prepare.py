"""A restyle from a terminal up to the moment it is sent: what `--estimate` and a restyle do first, so that both refuse
the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from velatura.client.events import GivenStyle
from velatura.errors import UsageError
from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura.settings import StyleSettings
from velatura_daemon.imaging.files import Metadata, check_output, read_mask
from velatura_daemon.terminal.file_names import PIPE, shortened
from velatura_daemon.terminal.options import RestyleOptions, weights_name
from velatura_daemon.terminal.output import PREVIEW_EXTENSIONS
from velatura_daemon.terminal.photos import check_restylable, kept_metadata, read_photo
from velatura_daemon.terminal.pipes import check_stdout
from velatura_daemon.terminal.style_options import (
    Painting,
    check_files_exist,
    files_of,
    read_style_pictures,
    with_regions,
)


@dataclass(frozen=True)
class PreparedRestyle:
    """Everything that a restyle needs. mask: GRAY, of the content's size; None: all of it. weights: as the protocol
    names them. output: file for the result, or PIPE. kind: of that file. metadata: what the result keeps of the
    photo's. notes: about the files."""

    output: Path
    kind: str
    metadata: Metadata | None
    notes: Sequence[str]
    content: Picture
    styles: list[GivenStyle]
    mask: Picture | None
    weights: str

    @property
    def style_pixels(self) -> list[int]:
        """The number of pixels of each different style picture."""
        different = {id(style.picture): style.picture for style in self.styles}
        return [picture.width * picture.height for picture in different.values()]


def prepare(
    photo: Path,
    paintings: Sequence[Painting],
    output: Path | None,
    settings: StyleSettings,
    options: RestyleOptions,
    preview: Path | None,
    megapixel_limit: Callable[[], float],
) -> PreparedRestyle:
    """Read the files and check everything that can be checked before the work starts, cheap checks first.

    output: file for the result, or PIPE; None: one beside the photo. preview: file for previews. megapixel_limit: asks
    the daemon, which may start it; called once the files are known to exist. Raises UsageError, FileExists,
    DiskTrouble, NothingToRestyle, BadWeights, PictureTooLarge, and what `megapixel_limit`, `read_photo` and `read_mask`
    raise.
    """
    check_files_exist([photo, *files_of(paintings, options.mask)])
    output = output or default_output(photo, paintings[0].path, options.format)
    kind = kind_of_output(output, options.format)
    _check_output(output, options)
    if preview is not None and preview.suffix.lower() not in PREVIEW_EXTENSIONS:
        raise UsageError(lazy_text("The preview file {file} must end in .png, .jpg or .jpeg.", file=preview.name))
    weights = weights_name(options.weights)
    limit = megapixel_limit()
    loaded = read_photo(photo, _named(output, kind), settings, options, limit)
    content = loaded.picture
    _check_output(output, options, (content.width, content.height))
    pictures = read_style_pictures(paintings, limit, options.style_page, options.salvage)
    styles = with_regions(paintings, pictures, loaded)
    mask = read_mask(options.mask, loaded) if options.mask else None
    check_restylable(photo, content, styles, mask, limit)
    metadata = kept_metadata(photo, options.strip_metadata)
    return PreparedRestyle(output, kind, metadata, [*loaded.notes, *pictures.notes], content, styles, mask, weights)


def _check_output(output: Path, options: RestyleOptions, size: tuple[int, int] | None = None) -> None:
    if output == PIPE:
        check_stdout(options.as_json)
    else:
        check_output(output, options.force, size)


def default_output(photo: Path, style: Path, format: str | None = None) -> Path:
    """Return a file beside the photo: of that format, or else in the photo's if Velatura can write it, or else PNG."""
    from velatura_daemon.imaging.files.write import FORMATS

    suffix = photo.suffix if photo.suffix.lower() in FORMATS else ".png"
    if format is not None and FORMATS[suffix.lower()].lower() != format:
        suffix = next(name for name, kind in FORMATS.items() if kind.lower() == format)
    return photo.with_name(f"{shortened(photo.stem)}-in-{shortened(style.stem)}{suffix}")


def kind_of_output(output: Path, format: str | None) -> str:
    """Return the kind of file to write. Raises UsageError."""
    from velatura_daemon.imaging.files.write import format_of

    if output == PIPE:
        return format_of(Path(f"stdout.{format or 'png'}"))
    kind = format_of(output)
    if format is not None and kind.lower() != format:
        raise UsageError(
            lazy_text(
                "The name {name} is that of a {kind} file, but --format is {format}. Change one of them.",
                name=output.name,
                kind=kind,
                format=format,
            )
        )
    return kind


def _named(output: Path, kind: str) -> Path:
    return Path(f"stdout.{kind.lower()}") if output == PIPE else output
