"""What a picture file may contain. All limits are on sizes and counts in the file, never on time, and are checked
before a decoder allocates memory; `structure` checks the counts. A decoder for another format gets its limits here.

Each count is far above what painting programs and cameras write, and low enough that reading the entries takes less
than about a second (two cores, AMD EPYC).
"""

from __future__ import annotations

# Where no daemon is asked (notebooks, contact sheets). A daemon's own default is never higher, and its `welcome`
# contains its limit.
DEFAULT_MEGAPIXELS = 256.0
# A file that is scaled down while it is read may be larger than the result, which the daemon's limit is for: a restyle
# takes about 130 bytes per pixel, reading a file at most 40, and rarely more than 10.
REDUCED_TIMES = 4
REDUCED_MEGAPIXELS = 64.0  # … and at least this much, as a style that arrives as pixels may


def file_megapixels(max_megapixels: float) -> float:
    """The limit of a file that is scaled down, from the limit of the result."""
    return max(REDUCED_TIMES * max_megapixels, REDUCED_MEGAPIXELS)


def file_bytes(max_megapixels: float) -> int:
    """The limit of what is read from a pipe: the largest file that may be scaled down, with 32-bit float samples."""
    return int(file_megapixels(max_megapixels) * 1e6) * SEGMENT_BYTES_PER_PIXEL + MAX_METADATA_BYTES


READING_BYTES = 24  # per pixel of the file: what reading may take beside the result
MAX_PROFILE_BYTES = 4 << 20  # of an ICC profile; the protocol does not carry longer ones. Printers' have 1 to 3 MB

MAX_SAMPLES = 64  # per pixel of a TIFF; Photoshop writes up to 56, a damaged header may declare 65,535
MAX_TILE_SIDE = 1024  # pixels, for TIFFs smaller than a tile: a tile is decoded completely
MAX_TAGS = 4096  # in a TIFF's first directory, as in tifffile; programs write up to about 60
# Of a TIFF's or EXIF's tags that may be in the same place. Some programs share small values, and damaged offsets may
# overlap; older Pillow reads all of them, 3.5 GB from 0.8 MB.
SHARED_TAG_BYTES = 16 << 20
MAX_EXIF_HEADERS = 10  # "Exif" before EXIF data; Pillow removes them one at a time. Some programs write two
# Strips or tiles of a TIFF. libtiff makes strips of 8 KiB, or of one row: 256 megapixels of RGBA have 125,000.
MAX_SEGMENTS = 300_000
# A strip or tile is decoded as a whole. One strip of all pixels is common in small files; RGBA float has 16 per pixel.
SEGMENT_BYTES_PER_PIXEL = 16
SMALL_SEGMENT_BYTES = 16 << 20  # allowed for any picture

MAX_CHUNKS = 10_000  # of a PNG or WebP beside the pixels; programs write up to about 30
# Chunks with a PNG's pixels beyond MAX_CHUNKS have to be this long on average; libpng writes 8,192 bytes.
SHORT_IDAT_BYTES = 512
MAX_SEGMENTS_JPEG = (
    10_000  # before the pixels, or bytes between them. 64 KiB each; large XMP of a layered document takes some hundreds
)
MAX_METADATA_BYTES = 64 << 20  # before the pixels of a JPEG or in the resources of a PSD: all of it is read
MAX_SCANS = 100  # of a progressive JPEG, each of which takes as long as decoding the picture; programs write 10
MAX_PAGES = 10_000  # of a TIFF, or frames of an animation; scanners write hundreds
# Of a GIF whose frames are counted. Counting takes about a second then.
MAX_COUNTED_BLOCKS = 1_000_000
MAX_COMPOSED_MEGAPIXELS = 4000  # for a later frame, all before it are decoded: 1000 of 2560 × 1440 pixels
MAX_GIF_BLOCKS = 50_000  # before the first picture, of at most 255 bytes: XMP of 1 MB takes some 10,000
MAX_ENTRIES = 20_000  # of a KRA or ORA; a document has a few for each layer
MAX_RESOURCES = 10_000  # of a PSD; programs write up to about 100
MAX_BOXES = 1000  # of a JPEG 2000 before its pixels; programs write up to about 10
MAX_PPM_HEADER = 4096  # bytes, with comments
MAX_COMMENTS_PPM = 1000  # of pixels that are written as text; programs write one, at the start
RLE_BYTES_PER_PIXEL = 4  # of a run-length encoded BMP, whose least efficient code for one pixel has 4 bytes
MAX_BMP_HEADER = 4096  # bytes, with the palette of 1024

MAX_METADATA_VALUE = 1 << 20  # bytes of one value that may be kept, and of an XMP packet; more is left out
# Of each text that is kept, in UTF-8; longer ones are cut. Three with '&amp;' for every character fit into one segment
# of a JPEG.
MAX_TEXT_BYTES = 4000
MAX_NUMBERS = 8  # of one EXIF value: a lens has four fractions
# Of a codec's process. Reserved memory counts, such as stacks of threads, whether it is used or not.
CODEC_START_BYTES = 1 << 30
CODEC_BYTES_PER_PIXEL = 64
CODEC_SECONDS = 30  # of processor time
CODEC_SECONDS_PER_MEGAPIXEL = 5
CODEC_WAIT_SECONDS = 1800  # in all; 256 megapixels may take up to 1300 of processor time
