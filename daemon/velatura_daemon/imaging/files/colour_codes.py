"""Colour spaces that a file names by numbers, and not by an ICC profile: gamma and chromaticities (PNG's gAMA and
cHRM), and the code points of ITU-T H.273 (PNG's cICP, and the nclx boxes of AVIF and HEIF).

A space that an ICC profile can describe becomes one, so that samples stay as they are. HDR (PQ and HLG) becomes sRGB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import imagecodecs
import numpy as np

from velatura.i18n import Text, lazy_text
from velatura_daemon.imaging.files.highlights import COMPRESSED_NOTE, brightest, shoulder
from velatura_daemon.imaging.files.raster import Array, Raster, by_rows, to_float, to_sample
from velatura_daemon.srgb import srgb_decoded, srgb_encoded

SMALLEST_GAMUT = 1e-3  # of the triangle of the primaries, twice its area; sRGB's is 0.22
D65, C, DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)


@dataclass(frozen=True)
class Primaries:
    """CIE 1931 (x, y) of white, red, green and blue."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]

    @property
    def are_possible(self) -> bool:
        """Whether they span colours, and white has any light; those of a damaged file may not."""
        (red_x, red_y), (green_x, green_y), (blue_x, blue_y) = self.red, self.green, self.blue
        area = (green_x - red_x) * (blue_y - red_y) - (blue_x - red_x) * (green_y - red_y)
        return abs(area) >= SMALLEST_GAMUT and self.white[1] > 0 and all((red_y, green_y, blue_y))


SRGB = Primaries(D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_RGB = (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)
# ITU-T H.273 (07/2024), table 2. 2 is "unspecified".
PRIMARIES = {
    1: SRGB,
    2: SRGB,
    4: Primaries(C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: Primaries(D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: Primaries(D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: Primaries(D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: Primaries(C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: Primaries(D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: Primaries(DCI, *P3_RGB),
    12: Primaries(D65, *P3_RGB),
    22: Primaries(D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
UNSPECIFIED, LINEAR, SRGB_CURVE, PQ, HLG = 2, 8, 13, 16, 18
GAMMAS = {4: 2.2, 5: 2.8, LINEAR: 1.0}
BT_709_CURVES = (1, 6, 14, 15)
SRGB_GAMMA, SAME_GAMMA = 45455, 0.05  # the value of gAMA for sRGB, and how much others may differ, as in libpng
SAME_PLACE = 0.002  # of chromaticities, in which files round them
WHITE_NITS, PEAK_NITS = 203.0, 10_000.0  # of diffuse white in HDR (ITU-R BT.2408), and PQ's highest value
HLG_PEAK_NITS, HLG_GAMMA = 1000.0, 1.2  # of the display that ITU-R BT.2100 refers to


def with_gamma(raster: Raster, gamma: int, primaries: Primaries | None) -> Raster:
    """Apply PNG's gAMA (the exponent of encoding, times 100,000) and cHRM. Impossible primaries count as missing."""
    if primaries is not None and not primaries.are_possible:
        primaries = None
    if not 1000 <= gamma <= 10_000_000:  # beyond what can be a picture: a damaged chunk
        return raster
    usual = abs(gamma / SRGB_GAMMA - 1) <= SAME_GAMMA
    if usual and (primaries is None or _same(primaries, SRGB)):
        return raster
    return _with_profile(raster, primaries or SRGB, srgb_decoded if usual else lambda x: x ** (100_000 / gamma))


def with_codes(raster: Raster, primaries: int, transfer: int) -> Raster:
    """Apply code points of H.273, except those that mean sRGB or that are not known, the latter with a note."""
    return with_space(raster, PRIMARIES.get(primaries), transfer, (primaries, transfer))


def with_space(
    raster: Raster, primaries: Primaries | None, transfer: int, codes: tuple[int, int] | None = None
) -> Raster:
    """Like with_codes. primaries: None if they are not known. codes: of H.273, for the note."""
    if primaries is not None and not primaries.are_possible:
        primaries = None
    if transfer in (PQ, HLG) and primaries:
        return _from_hdr(raster, primaries, transfer)
    curve = _curve(transfer)
    if primaries is None or curve is None:
        return replace(raster, notes=(*raster.notes, _not_supported(codes)))
    if _same(primaries, SRGB) and curve is srgb_decoded:
        return raster
    return _with_profile(raster, primaries, curve)


def _not_supported(codes: tuple[int, int] | None) -> Text:
    if codes is None:
        return lazy_text("Its colour space is not supported; it was read as sRGB.")
    return lazy_text(
        "Its colour space (codes {primaries} and {transfer} of H.273) is not supported; it was read as sRGB.",
        primaries=codes[0],
        transfer=codes[1],
    )


def _curve(transfer: int) -> Callable[[Array], Array] | None:
    if transfer in (SRGB_CURVE, UNSPECIFIED):
        return srgb_decoded
    if transfer in BT_709_CURVES:
        return lambda x: np.where(x < 0.081, x / 4.5, ((x + 0.099) / 1.099) ** (1 / 0.45))
    gamma = GAMMAS.get(transfer)
    return None if gamma is None else lambda x: x**gamma


def _with_profile(raster: Raster, space: Primaries, decoded: Callable[[Array], Array]) -> Raster:
    table = decoded(np.linspace(0, 1, 4096)).astype(np.float32)
    if raster.pixels.shape[2] <= 2:
        return replace(raster, profile=imagecodecs.cms_profile("gray", transferfunction=table))
    white, *colours = ((x, y, 1.0) for x, y in (space.white, space.red, space.green, space.blue))
    profile = imagecodecs.cms_profile("rgb", whitepoint=white, primaries=sum(colours, ()), transferfunction=table)
    return replace(raster, profile=profile)


def hdr_as_srgb(raster: Raster, primaries: int, transfer: int, peak_nits: float) -> Raster:
    """Convert a frame of a film in HDR: unlike with_codes, all frames are compressed in the same way. transfer: PQ or
    HLG. peak_nits: what becomes white."""
    return _from_hdr(raster, PRIMARIES.get(primaries, PRIMARIES[9]), transfer, peak_nits / WHITE_NITS)


def _from_hdr(raster: Raster, space: Primaries, transfer: int, peak: float | None = None) -> Raster:
    """Convert to 16-bit sRGB, with light above diffuse white compressed. peak: what becomes white, in units of diffuse
    white; None: the brightest pixel."""
    colours = raster.pixels.shape[2] - raster.has_alpha
    matrix = to_srgb_matrix(space)

    def light(band: Array) -> Array:
        values = to_float(band)
        values[..., :colours] = _nits(values[..., :colours], transfer) / np.float32(WHITE_NITS)
        if colours == 3:
            values[..., :3] = (values[..., :3] @ matrix.T).clip(0)
        return values

    linear = by_rows(raster.pixels, light, "f32", raster.pixels.shape[2])
    peak = brightest(linear, colours) if peak is None else peak

    def encoded(band: Array) -> Array:
        values = band.copy()
        values[..., :colours] = srgb_encoded(shoulder(values[..., :colours], peak))
        return to_sample(values, "u16")

    notes = (COMPRESSED_NOTE,) if peak > 1 else ()
    return replace(
        raster,
        pixels=by_rows(linear, encoded, "u16", raster.pixels.shape[2]),
        curve="srgb",
        profile=b"",
        notes=(*raster.notes, *notes),
    )


def _nits(values: Array, transfer: int) -> Array:
    """Display light in candela per square metre: SMPTE ST 2084 (PQ), or ITU-R BT.2100's HLG."""
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = values ** np.float32(1 / m2)
        nits: Array = PEAK_NITS * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return nits
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
    luma = scene @ np.array([0.2627, 0.6780, 0.0593], np.float32) if values.shape[2] == 3 else scene[..., 0]
    display: Array = HLG_PEAK_NITS * scene * luma[..., None] ** (HLG_GAMMA - 1)
    return display


def to_srgb_matrix(space: Primaries) -> Array:
    """Return the matrix, (3, 3), from the linear light of a space with the white of sRGB to that of sRGB."""
    matrix: Array = (np.linalg.inv(_to_xyz(SRGB)) @ _to_xyz(space)).astype(np.float32)
    return matrix


def _to_xyz(space: Primaries) -> Array:
    """The matrix from linear RGB to XYZ."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in (space.red, space.green, space.blue)]).T
    x, y = space.white
    scaled: Array = columns * np.linalg.solve(columns, [x / y, 1.0, (1 - x - y) / y])
    return scaled


def _same(one: Primaries, other: Primaries) -> bool:
    places = zip(vars(one).values(), vars(other).values(), strict=True)
    return all(abs(a - b) <= SAME_PLACE for first, second in places for a, b in zip(first, second, strict=True))
