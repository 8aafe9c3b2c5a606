"""The tags of TIFF and EXIF that are read and written."""

from __future__ import annotations

from velatura_daemon.imaging.files.metadata import directory as d

SOFTWARE_NAME = "Velatura"  # not translated: a name
# The keywords of a PNG's texts (PNG, third edition, 11.3.3.1).
PNG_DESCRIPTION, PNG_SOFTWARE, PNG_AUTHOR, PNG_COPYRIGHT = (  # not translated: keywords
    *("Description", "Software", "Author", "Copyright"),
)
DESCRIPTION, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x010E, 0x0112, 0x011A, 0x011B, 0x0128
SOFTWARE, ARTIST, XMP, IPTC, COPYRIGHT, EXIF = 0x0131, 0x013B, 0x02BC, 0x83BB, 0x8298, 0x8769
INCH, CENTIMETRE = 2, 3  # units of resolution
DPI_PER_UNIT = {INCH: 1.0, CENTIMETRE: 2.54}
MAX_DPI = 60_000.0  # JFIF has 16 bits
EXIF_VERSION = 0x9000

# Of the first directory: make, model, date of the last change (the only one that scanners write).
CAMERA_TAGS = {0x010F: d.ASCII, 0x0110: d.ASCII, 0x0132: d.ASCII}
EXPOSURE_TAGS = {
    0x829A: d.RATIONAL,  # exposure time
    0x829D: d.RATIONAL,  # f-number
    0x8822: d.SHORT,  # exposure program
    0x8827: d.SHORT,  # sensitivity
    0x8830: d.SHORT,  # … its type
    0x9003: d.ASCII,  # date of capture
    0x9004: d.ASCII,  # … of digitisation
    0x9010: d.ASCII,  # time zones of the three dates
    0x9011: d.ASCII,
    0x9012: d.ASCII,
    0x9201: d.SRATIONAL,  # shutter speed
    0x9202: d.RATIONAL,  # aperture
    0x9203: d.SRATIONAL,  # brightness
    0x9204: d.SRATIONAL,  # exposure bias
    0x9205: d.RATIONAL,  # largest aperture
    0x9207: d.SHORT,  # metering
    0x9208: d.SHORT,  # light source
    0x9209: d.SHORT,  # flash
    0x920A: d.RATIONAL,  # focal length
    0x9290: d.ASCII,  # fractions of a second of the three dates
    0x9291: d.ASCII,
    0x9292: d.ASCII,
    0xA402: d.SHORT,  # exposure mode
    0xA403: d.SHORT,  # white balance
    0xA405: d.SHORT,  # focal length for 35 mm film
    0xA432: d.RATIONAL,  # lens: focal lengths and f-numbers
    0xA433: d.ASCII,  # … its make
    0xA434: d.ASCII,  # … its model
}
KEPT = {**CAMERA_TAGS, **EXPOSURE_TAGS}
READ = {*KEPT, DESCRIPTION, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, SOFTWARE, ARTIST, COPYRIGHT, EXIF}
