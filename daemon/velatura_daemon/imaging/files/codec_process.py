"""`python -m velatura_daemon.imaging.files.codec_process`: decodes one picture file for `isolated`.

These decoders are large and young. In a process of its own, with limits of memory and processor time, a fault in one
costs a sentence. Standard input brings two lines of JSON: what to open, then whether to decode it. Standard output gets
a line of JSON for each, and after the second one the ICC profile and the samples. For metadata there is one line each
way, and the metadata.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from velatura.errors import NotAPicture, VelaturaError
from velatura.i18n import lazy_text
from velatura.i18n.wire import text_to_wire
from velatura_daemon.imaging.files.colour_codes import (
    LINEAR,
    SRGB,
    Primaries,
    to_srgb_matrix,
    with_codes,
    with_gamma,
    with_space,
)
from velatura_daemon.imaging.files.exif import orientation_of
from velatura_daemon.imaging.files.jpegxl_header import Header, header_of, metadata_of
from velatura_daemon.imaging.files.limits import (
    CODEC_BYTES_PER_PIXEL,
    CODEC_SECONDS,
    CODEC_SECONDS_PER_MEGAPIXEL,
    CODEC_START_BYTES,
    MAX_METADATA_VALUE,
    MAX_PROFILE_BYTES,
)
from velatura_daemon.imaging.files.options import Pages, ReadOptions, SizeCheck
from velatura_daemon.imaging.files.raster import Array, Raster, oriented, oriented_size, unpremultiplied, within


@dataclass(frozen=True)
class Opened:
    """A file whose header has been read. decode: decodes the requested picture."""

    width: int
    height: int
    pages: Pages
    decode: Callable[[], Raster]


def main() -> None:
    output = _output()
    try:
        request = json.loads(sys.stdin.buffer.readline())
        _limit(CODEC_START_BYTES, CODEC_SECONDS)
        if request.get("metadata"):
            _send_metadata(output, METADATA[request["kind"]](Path(request["path"])))
            return
        opened = OPENERS[request["kind"]](Path(request["path"]), request["page"])
        _reply(output, width=opened.width, height=opened.height, pages=asdict(opened.pages))
        if not json.loads(sys.stdin.buffer.readline() or "false"):
            return
        pixels = opened.width * opened.height
        _limit(CODEC_START_BYTES + CODEC_BYTES_PER_PIXEL * pixels, CODEC_SECONDS + _seconds(pixels))
        raster = opened.decode()
    except VelaturaError as error:
        _reply(output, error=_sent(error.sentence), code=error.code)
    except MemoryError:
        _reply(
            output,
            code=NotAPicture.code,
            error=_sent(
                lazy_text(
                    "It needs far more memory than its size suggests. Open it in a painting program and resave it."
                )
            ),
        )
    except Exception as error:  # decoders raise anything on malformed input
        _reply(output, damaged=" ".join(str(error).split())[:200] or type(error).__name__)
    else:
        samples = np.ascontiguousarray(raster.pixels)
        profile = raster.profile if len(raster.profile) <= MAX_PROFILE_BYTES else b""
        _reply(
            output,
            shape=samples.shape,
            dtype=samples.dtype.str,
            curve=raster.curve,
            profile=len(profile),
            notes=list(map(_sent, raster.notes)),
        )
        output.write(profile)
        output.write(samples.reshape(-1).view(np.uint8).data)
        output.flush()


def _output() -> BinaryIO:
    """Return what standard output was. What a library prints goes nowhere, instead of between the samples."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return output


def _reply(output: BinaryIO, **fields: Any) -> None:
    output.write(json.dumps(fields).encode() + b"\n")
    output.flush()


def _sent(sentence: str) -> str | dict[str, Any]:
    """A sentence with what it was made from, so that whoever shows it can translate it."""
    made_from = text_to_wire(sentence)
    return sentence if made_from is None else {"english": sentence, **made_from}


def _send_metadata(output: BinaryIO, blocks: tuple[bytes, bytes]) -> None:
    """Send EXIF data and an XMP packet."""
    kept = [block if len(block) <= MAX_METADATA_VALUE else b"" for block in blocks]
    _reply(output, sizes=[len(block) for block in kept])
    output.write(b"".join(kept))
    output.flush()


def _limit(more_bytes: int, seconds: int) -> None:
    """Limit the memory to what is in use now and so much more, and the processor time from the start. Windows has no
    such limits, and macOS none of memory."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        in_use = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + more_bytes, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _seconds(pixels: int) -> int:
    return int(pixels * CODEC_SECONDS_PER_MEGAPIXEL / 1e6)


def _heic(path: Path, page: int | None) -> Opened:
    import pillow_heif

    file = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    pages = Pages(len(file), "pictures")
    order = sorted(range(len(file)), key=lambda index: index != file.primary_index)
    image: Any = file[order[pages.index_of(page)]]

    width, height = image.size

    def decode() -> Raster:
        pixels = np.asarray(image).reshape(height, width, -1)
        pixels = unpremultiplied(pixels) if image.premultiplied_alpha else pixels
        return _with_colours(pixels, image.info.get("icc_profile") or b"", path)

    return Opened(width, height, pages, decode)


def _heic_metadata(path: Path) -> tuple[bytes, bytes]:
    import pillow_heif

    return _blocks_in(pillow_heif.open_heif(path).info)  # of the main picture


def _avif_metadata(path: Path) -> tuple[bytes, bytes]:
    from PIL import Image

    return _blocks_in(Image.open(path, formats=["AVIF"]).info)


def _blocks_in(info: dict[Any, Any]) -> tuple[bytes, bytes]:
    return info.get("exif") or b"", info.get("xmp") or b""


def _avif(path: Path, page: int | None) -> Opened:
    import imagecodecs
    from PIL import Image

    image = Image.open(path, formats=["AVIF"])
    pages = Pages(getattr(image, "n_frames", 1), "frames")
    index = pages.index_of(page)
    orientation = orientation_of(image.getexif())
    depth = _av1_depth(path.read_bytes())

    def decode() -> Raster:
        if depth == 8:
            image.seek(index)
            pixels = np.asarray(image)
        else:
            values = imagecodecs.avif_decode(path.read_bytes(), index=index)
            pixels = (values.astype(np.uint32) * 65535 // (2**depth - 1)).astype(np.uint16)
        pixels = pixels.reshape(image.height, image.width, -1)
        return _with_colours(oriented(pixels, orientation), image.info.get("icc_profile") or b"", path)

    return Opened(*oriented_size(*image.size, orientation), pages, decode)


def _av1_depth(data: bytes) -> int:
    """Return the bits per sample from a file's av1C box (AV1 in ISOBMFF, 2.3.3)."""
    at = data.find(b"av1C")
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10


def _with_colours(pixels: Array, profile: bytes, path: Path) -> Raster:
    """Attach the ICC profile of a HEIF or AVIF file, or without one apply the code points of its nclx box."""
    if profile:
        return Raster(pixels, profile=profile)
    data = path.read_bytes()
    at = data.find(b"colrnclx") + 8
    if at < 8 or at + 4 > len(data):
        return Raster(pixels)
    return with_codes(Raster(pixels), *(int.from_bytes(data[start : start + 2], "big") for start in (at, at + 2)))


def _jpeg_xl(path: Path, page: int | None) -> Opened:
    import imagecodecs

    data = path.read_bytes()
    header, pages = header_of(data), Pages(noun="frames")  # of an animation, its decoder returns all or the first
    index = pages.index_of(page)

    def decode() -> Raster:
        pixels = imagecodecs.jpegxl_decode(data, index=index)
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        if sorted(pixels.shape[:2]) != sorted((header.width, header.height)):  # it may have been turned
            raise NotAPicture(lazy_text("Its picture does not have the size that its header gives. Save it again."))
        if pixels.shape[2] > 4:
            raise NotAPicture(lazy_text("It has more than four channels. Convert it to PNG or TIFF."))
        if header.is_premultiplied and pixels.shape[2] in (2, 4):
            pixels = unpremultiplied(pixels)
        note = lazy_text("It is an animation; only its first frame can be read.")
        notes = (note,) if header.is_animation else ()
        return with_jpeg_xl_colours(Raster(pixels, notes=notes), header)

    return Opened(header.width, header.height, pages, decode)


def with_jpeg_xl_colours(raster: Raster, header: Header) -> Raster:
    """Apply the colour space of a header. Float samples may be above white, so those of linear light become sRGB's."""
    if header.has_profile:
        note = lazy_text("Its ICC profile cannot be read, so its colours were read as sRGB.")
        return replace(raster, notes=(*raster.notes, note))
    primaries, transfer = header.primaries, header.transfer
    if primaries is not None and not primaries.are_possible:
        primaries = None
    if raster.pixels.dtype.kind == "f" and transfer == LINEAR and primaries and not header.gamma:
        return replace(raster, pixels=_in_srgb_light(raster.pixels, primaries), curve="linear")
    if primaries and header.gamma:
        return with_gamma(raster, round(header.gamma / 100), primaries)
    return with_space(raster, primaries, transfer)


def _in_srgb_light(pixels: Array, space: Primaries) -> Array:
    """Convert linear light (H, W, C) of float samples."""
    if pixels.shape[2] >= 3 and space != SRGB:
        light = pixels[..., :3].astype(np.float32) @ to_srgb_matrix(space).T
        pixels[..., :3] = within(pixels.dtype, light)
    return pixels


def _exr(path: Path, page: int | None) -> Opened:
    import OpenEXR

    parts = OpenEXR.File(str(path), separate_channels=True, header_only=True, num_threads=0).parts
    pages = Pages(len(parts), "parts")
    index = pages.index_of(page)
    header = parts[index].header
    names = [channel.name for channel in header["channels"]]
    (left, top), (right, bottom) = (tuple(map(int, corner)) for corner in header["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    wanted = _exr_channels(names)

    def decode() -> Raster:
        part = OpenEXR.File(str(path), separate_channels=True, num_threads=0).parts[index]
        planes = [np.asarray(part.channels[name].pixels) for name in wanted]
        if any(plane.shape != (height, width) or plane.dtype.kind != "f" for plane in planes):
            raise NotAPicture(lazy_text("Its channels are integers, or have different sizes. Convert it to RGB."))
        pixels = np.stack(planes, axis=2).astype("<f2" if all(p.dtype == np.float16 for p in planes) else "<f4")
        pixels = unpremultiplied(pixels) if len(wanted) in (2, 4) else pixels
        primaries = _exr_primaries(header.get("chromaticities", ()))
        return Raster(pixels if primaries is None else _in_srgb_light(pixels, primaries), "linear")

    return Opened(width, height, pages, decode)


def _exr_channels(names: list[str]) -> list[str]:
    """Choose the channels of a picture: those of the unnamed layer, or else of the first one by name."""
    for layer in ["", *sorted({name.rpartition(".")[0] + "." for name in names if "." in name})]:
        for colours in ("RGB", "Y"):
            if all(layer + colour in names for colour in colours):
                return [layer + name for name in (*colours, "A") if layer + name in names]
    listed = ", ".join(names)[:100]
    raise NotAPicture(lazy_text("It has the channels {names} instead of colours. Convert it to RGB.", names=listed))


def _exr_primaries(places: Any) -> Primaries | None:
    """places: x and y of red, green, blue and white. None if there are none, or impossible ones."""
    values = [float(value) for value in np.ravel(places)]
    if not values:
        return None
    red, green, blue, white = zip(values[::2], values[1::2], strict=True)
    primaries = Primaries(white, red, green, blue)
    return primaries if primaries.are_possible else None


def _truncated(path: Path, page: int | None) -> Opened:
    """A truncated file of a format of Pillow, which fills what is missing if a setting of the whole process says so."""
    from PIL import ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = True
    opened = _by_pillow(path, page)
    note = lazy_text("The file is truncated: the missing part is black or grey.")
    return replace(opened, decode=lambda: replace(opened.decode(), notes=(note,)))


def _by_pillow(path: Path, page: int | None) -> Opened:
    from velatura_daemon.imaging.files import pillow

    pillow.isolates_libtiff = False
    sizes: list[tuple[int, int]] = []

    def read(check_size: SizeCheck) -> Raster:
        with path.open("rb") as file:
            return pillow.decode(file, check_size, ReadOptions(page=page))

    def stop(width: int, height: int) -> None:
        sizes.append((width, height))
        raise _SizeIsKnown

    with contextlib.suppress(_SizeIsKnown):
        read(stop)
    # The caller has checked the page.
    return Opened(*sizes[0], Pages(max(1, page or 1), "frames"), lambda: read(lambda *_: None))


class _SizeIsKnown(Exception):
    """Ends reading before the pixels."""


OPENERS: dict[str, Callable[[Path, int | None], Opened]] = {  # not translated: names of formats
    "HEIC": _heic,
    "AVIF": _avif,
    "JPEG XL": _jpeg_xl,
    "EXR": _exr,
    "TIFF": _by_pillow,
    "image": _truncated,
}

METADATA: dict[str, Callable[[Path], tuple[bytes, bytes]]] = {  # not translated: names of formats
    "HEIC": _heic_metadata,
    "AVIF": _avif_metadata,
    "JPEG XL": lambda path: metadata_of(path.read_bytes()),
}

if __name__ == "__main__":
    main()
