"""What `velatura compare` compares: photos, styles and settings, which of them vary along the rows and columns of the
sheet, and the names of the single pictures."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from velatura.i18n import lazy_text
from velatura.settings import StyleSettings, setting_specs
from velatura_daemon.batch.file_hashes import hash_of_json
from velatura_daemon.batch.frames import Frame
from velatura_daemon.terminal.file_names import shortened
from velatura_daemon.terminal.setting_options import Variant, Variation, value_text

MAX_RESTYLES = 500  # so that a sheet of them can be read, and fits into a JPEG
MAX_ALONE = 8  # values in one row, if nothing else varies
# Bytes of a name: a file system allows 255, and a temporary file's name has about 30 in addition.
STEM_BYTES, SETTINGS_BYTES = 60, 80

PHOTO, STYLE = "photo", "style"  # not translated: names of axes; the others have the names of settings


@dataclass(frozen=True)
class Axis:
    """Something that differs between the pictures. length: how many values it has."""

    name: str
    length: int


@dataclass(frozen=True)
class Layout:
    """What varies along the columns and the rows of a block, and from block to block."""

    columns: Axis | None
    rows: Axis | None
    blocks: tuple[Axis, ...]

    def positions(self) -> Iterator[dict[str, int]]:
        """Yield the first position of each block: the index of its value by the name of each axis in `blocks`."""
        for indices in itertools.product(*(range(axis.length) for axis in self.blocks)):
            yield {axis.name: index for axis, index in zip(self.blocks, indices, strict=True)}


@dataclass(frozen=True)
class Comparison:
    """frames: by the indices of photo, style and variant. Variants with the same settings share a frame."""

    photos: Sequence[Path]
    styles: Sequence[Path]
    variations: Sequence[Variation]
    frames: Mapping[tuple[int, int, int], Frame]

    def layout(self) -> Layout:
        """Columns: the first varied setting, otherwise the styles, otherwise the photos. Rows: of what is left, the
        styles, the photos or the next setting. A single long axis fills several lines instead, as blocks."""
        settings = [Axis(each.setting, len(each.values)) for each in self.variations]
        pictures = [Axis(STYLE, len(self.styles)), Axis(PHOTO, len(self.photos))]
        varied = [axis for axis in (*settings[:1], *pictures, *settings[1:]) if axis.length > 1]
        if len(varied) == 1 and varied[0].length > MAX_ALONE:
            return Layout(None, None, tuple(varied))
        blocks = sorted(varied[2:], key=lambda axis: axis.name != PHOTO)
        return Layout(varied[0] if varied else None, varied[1] if len(varied) > 1 else None, tuple(blocks))

    def frame_at(self, position: Mapping[str, int]) -> Frame:
        """Return the frame at the indices by axis; an axis that is not given has index 0."""
        variant = 0
        for variation in self.variations:
            variant = variant * len(variation.values) + position.get(variation.setting, 0)
        return self.frames[position.get(PHOTO, 0), position.get(STYLE, 0), variant]

    def label(self, axis: str, index: int) -> str:
        """Return what an axis has at an index, for people: the name of a file, or a setting with its value."""
        if axis in (PHOTO, STYLE):
            return (self.photos if axis == PHOTO else self.styles)[index].stem
        value = next(each.values[index] for each in self.variations if each.setting == axis)
        spec, typed = setting_specs()[axis], value_text(value)
        if not spec.unit:
            # Translators: a label on a sheet of pictures: a setting and its value.
            return lazy_text("{setting} {value}", setting=spec.label, value=typed)
        if spec.unit == "×":
            # Translators: a label on a sheet of pictures: a setting and its value with a unit: “Stroke size 2×”.
            return lazy_text("{setting} {value}{unit}", setting=spec.label, value=typed, unit=spec.unit)
        # Translators: a label on a sheet of pictures: a setting and its value with a unit: “Strength 50 %”.
        return lazy_text("{setting} {value} {unit}", setting=spec.label, value=typed, unit=spec.unit)


def compare(
    photos: Sequence[Path],
    styles: Sequence[Path],
    variations: Sequence[Variation],
    variants: Sequence[Variant],
    named: Sequence[str],
    folder: Path,
) -> tuple[Comparison, dict[Frame, tuple[int, StyleSettings]]]:
    """Plan the pictures of a comparison, in `folder`. named: the settings that are part of a file's name.

    Returns the comparison; and for each different frame, in the order in which they are restyled, the index of its
    style and its settings.
    """
    frames: dict[tuple[int, int, int], Frame] = {}
    planned: dict[tuple[int, int, StyleSettings], Frame] = {}
    todo: dict[Frame, tuple[int, StyleSettings]] = {}
    taken: set[str] = set()
    for i, j, k in itertools.product(range(len(photos)), range(len(styles)), range(len(variants))):
        settings = variants[k].settings
        if (i, j, settings) not in planned:
            name = _free(_name(photos[i], styles[j], settings, named), taken)
            planned[i, j, settings] = Frame(photos[i], folder / name)
            todo[planned[i, j, settings]] = j, settings
        frames[i, j, k] = planned[i, j, settings]
    return Comparison(photos, styles, variations, frames), todo


def number_of_restyles(photos: Sequence[Path], styles: Sequence[Path], variations: Sequence[Variation]) -> int:
    return len(photos) * len(styles) * math.prod(len(each.values) for each in variations)


def _name(photo: Path, style: Path, settings: StyleSettings, named: Sequence[str]) -> str:
    """Return a name such as 'harbour-in-waves-strength-25.png'."""
    from velatura_daemon.imaging.files.write import FORMATS

    values = [f"{name.replace('_', '-')}-{value_text(getattr(settings, name))}" for name in named]
    suffix = "".join(f"-{value}" for value in values)
    if len(os.fsencode(suffix)) > SETTINGS_BYTES:
        suffix = f"-{hash_of_json(values)[:12]}"
    extension = photo.suffix if photo.suffix.lower() in FORMATS else ".png"
    return f"{shortened(photo.stem, STEM_BYTES)}-in-{shortened(style.stem, STEM_BYTES)}{suffix}{extension}"


def _free(name: str, taken: set[str]) -> str:
    """Return the name, with a number if two files would have it, and note it in `taken`."""
    path, number = Path(name), 2
    while name.casefold() in taken:
        name, number = f"{path.stem}_{number}{path.suffix}", number + 1
    taken.add(name.casefold())
    return name
