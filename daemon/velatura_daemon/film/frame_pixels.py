"""A frame of a film as PyAV decodes it: what it says about the film's colours, and its pixels, upright."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from velatura.i18n import lazy_text
from velatura_daemon.film.extra import pyav

if TYPE_CHECKING:  # importing these loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files.raster import Array, Raster

# Code points of ITU-T H.273.
BT_709, UNSPECIFIED, BT_601, BT_2020 = 1, 2, 5, 9
PQ, HLG = 16, 18
LIMITED, FULL = 1, 2  # ranges of luma, as FFmpeg numbers them
HD_HEIGHT = 720  # from here on films without a tag have the matrix of HD, as players assume
# Of a film in HDR, whose frames must not be adapted each to its own brightest pixel: the peak of HLG's reference
# display (ITU-R BT.2100), and what most PQ films are graded for.
PEAK_NITS = 1000.0


@dataclass(frozen=True)
class Colours:
    """The colour tags of a film, as H.273 numbers them. matrix: that its pixels are in, if it is not tagged too.
    is_full: whether luma has the full range. is_hdr: whether frames are converted to sRGB."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    tagged_matrix: int = UNSPECIFIED
    matrix: int = BT_709
    is_full: bool = False

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (PQ, HLG)


@dataclass(frozen=True)
class FilmFacts:
    """What a frame says about its film. subsampled: whether colour has fewer samples than brightness. bits: of a
    sample. rotation: degrees counter-clockwise by which players turn it."""

    colours: Colours
    subsampled: bool
    bits: int
    rotation: int
    is_interlaced: bool


def film_facts(frame: Any) -> FilmFacts:
    """A film's properties, by one of its frames."""
    components = frame.format.components
    is_yuv = not frame.format.is_rgb and len(components) >= 3
    tagged = int(frame.colorspace)
    matrix = tagged if tagged in (BT_709, 4, BT_601, 6, 7, BT_2020) else BT_709 if frame.height >= HD_HEIGHT else BT_601
    if frame.format.is_rgb:
        tagged, matrix = UNSPECIFIED, BT_709
    colours = Colours(
        int(frame.color_primaries),
        int(frame.color_trc),
        tagged if tagged in (BT_709, 4, BT_601, 6, 7, BT_2020) else UNSPECIFIED,
        BT_601 if matrix == 6 else matrix,  # both are SMPTE 170M's
        int(frame.color_range) == FULL or frame.format.name.startswith("yuvj"),
    )
    subsampled = is_yuv and (components[1].width < frame.width or components[1].height < frame.height)
    bits = max(component.bits for component in components)
    return FilmFacts(colours, subsampled, bits, frame.rotation, bool(frame.interlaced_frame))


def has_alpha(frame: Any) -> bool:
    """Whether the pixel format has transparency; in many films it is unused."""
    return any(component.is_alpha for component in frame.format.components)


def alpha_of(frame: Any) -> Array:
    """A frame's opacity, (H, W, 1), 8 bits."""
    alpha: Array = frame.to_ndarray(format="rgba")[..., 3:]
    return alpha


def raster_of(frame: Any, *, alpha: bool = False) -> Raster:
    """A frame's pixels, upright: 8 bits, sRGB or in the film's own primaries. HDR becomes sRGB. alpha: with
    transparency."""
    import numpy as np

    from velatura_daemon.imaging.files.colour_codes import hdr_as_srgb
    from velatura_daemon.imaging.files.raster import Raster, to_sample

    film = film_facts(frame)
    pixels = rgb_of(frame, film.colours, "rgb48le" if film.colours.is_hdr else "rgb24")
    if film.colours.is_hdr:
        hdr = hdr_as_srgb(Raster(pixels), film.colours.primaries, film.colours.transfer, PEAK_NITS)
        pixels = to_sample(hdr.pixels, "u8")
    if alpha:
        pixels = np.dstack([pixels, alpha_of(frame)])
    return Raster(np.ascontiguousarray(upright(pixels, film.rotation)))


def rgb_of(frame: Any, colours: Colours, form: str) -> Array:
    """Convert a frame's pixels, (H, W, 3)."""
    if frame.format.is_rgb or len(frame.format.components) < 3:
        array: Array = frame.to_ndarray(format=form)
        return array
    av = pyav()
    converted = av.video.reformatter.VideoReformatter().reformat(
        frame,
        format=form,
        src_colorspace=colours.matrix,
        dst_colorspace=colours.matrix,
        src_color_range=FULL if colours.is_full else LIMITED,
        dst_color_range=FULL,
        interpolation=av.video.reformatter.Interpolation.BICUBIC,
    )
    pixels: Array = converted.to_ndarray()
    return pixels


def upright(pixels: Array, rotation: int) -> Array:
    """Turn pixels as the film's tag says. rotation: degrees counter-clockwise; only multiples of 90 are used."""
    import numpy as np

    return np.rot90(pixels, round(rotation / 90) % 4)


def thumbnail(frame: Any) -> Array:
    """A frame's brightness, for comparing frames: of a YUV film, luma as it is."""
    if frame.format.is_rgb or frame.format.components[0].bits > 8:
        array: Array = frame.to_ndarray(format="gray")
        return array[..., None]
    plane = frame.planes[0]
    import numpy as np

    rows = np.frombuffer(plane, np.uint8)[: plane.line_size * frame.height].reshape(frame.height, plane.line_size)
    luma: Array = rows[:, : frame.width, None]
    return luma


def notes_on(name: str, film: FilmFacts) -> Iterator[str]:
    """What the user should know about the reading."""
    if film.colours.is_hdr:
        kind = "PQ" if film.colours.transfer == PQ else "HLG"
        yield lazy_text(
            "{name} is an HDR film ({kind}, {bits} bits). The result has 8 bits and BT.709; highlights up to "
            "{nits:.0f} candela per square metre are compressed.",
            name=name,
            kind=kind,
            bits=film.bits,
            nits=PEAK_NITS,
        )
    elif film.bits > 8:
        yield lazy_text("{name} has {bits} bits per sample. The result has 8.", name=name, bits=film.bits)
    if film.rotation % 360:
        yield lazy_text(
            "{name} is shown rotated by {degrees} degrees. The result is written upright and looks the same.",
            name=name,
            degrees=abs(film.rotation),
        )
    if film.is_interlaced:
        yield lazy_text(
            "{name} is interlaced. Its frames are restyled as they are; deinterlace it first if edges look like combs.",
            name=name,
        )
