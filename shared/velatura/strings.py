"""The texts of the editors' windows, shared by both plugins. Names in {braces} are filled in with `str.format`."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence

from velatura.protocol import messages as p
from velatura.settings import StyleSettings, default_of, setting_specs

# --- menu --------------------------------------------------------------------------------------------
MENU = "Velatura"
RESTYLE = "Restyle…"
RESTYLE_AGAIN = "Restyle again"
EXPLAIN = "See what the network sees…"
RESULTS = "Results and history…"
HELP = "Help"
TITLE = "Restyle with Velatura"

# --- window ------------------------------------------------------------------------------------------
# Settings in the order in which a window shows them; MORE_SETTINGS are folded away under MORE. `composite` is only for
# files: in an editor the selection becomes a layer mask.
MAIN_SETTINGS = ("strength", "stroke_size", "keep_colours", "quality", "seed")
MORE_SETTINGS = (
    "fine",
    "middle",
    "coarse",
    "style_distance",
    "seamless",
    "start",
    "iterations",
    "optimiser",
    "pooling",
)
FIGURE_SETTINGS = ("reconstruct", "content_layer", "style_depth", "balance")  # on the command line, but in no window
STYLE, MORE = "Style", "More settings"
FROM_FILE, FROM_LAYER, PASTE = "From file…", "From layer", "Paste"
START, START_OVER, CANCEL, CLOSE = "Restyle", "Start over", "Cancel", "Close"
RESET, RESET_TIP = "Reset", "Sets all settings to their defaults. The styles stay."
HELP_TIP = "Opens the manual."
# For screen readers.
MESSAGE_NAME, PROGRESS_NAME, PREVIEW_NAME = "Message", "Progress", "Preview"
GALLERY_NAME, SHARE_NAME = "Styles", "Share of"
FROM_FILE_TIP = "Uses image files as styles."
FROM_LAYER_TIP = "Uses an open image or one of its layers as a style."
PASTE_TIP = "Uses the image on the clipboard as a style."
MORE_TIP = "Shows or hides the rarely used settings."
RECOVER_TIP = "Shows the saved results and stopped restyles."
START_TIP = "Restyles the layer, or what is selected in it. The result is a new layer."
COPY_REPORT_TIP = "Copies what a developer needs to know; it contains no pictures."
COPY_COMMAND_TIP = "Copies the command that starts the daemon, to run it in a terminal."
OPEN_AS_IMAGE_TIP = "Opens the result as an image of its own."
CANCEL_TIP = "Stops the restyle. Nothing is changed."
STATUS_TIP = "A restyle is running. Click to open the window."
COPY_REPORT, COPY_COMMAND = "Copy report", "Copy command"
OPEN_AS_IMAGE = "Open as new image"
CHOOSE_STYLE = "Choose style"
GALLERY_TIP = "Click a style to choose it; Ctrl+click to choose several. You can also drop an image here."
NO_SOURCES = "No image is open"
IMAGE_FILES = "Images"
NO_STYLE = "Choose a style, or drop an image here."
SHARE = "Share: how much this style counts compared with the others"
REMOVE_STYLE = "Do not use this style"
RENAME, RENAME_TITLE, RENAME_DONE, NEW_NAME = "Rename…", "Rename a style", "Rename", "Name in the gallery:"
REMOVE_FROM_GALLERY = "Remove from the gallery"
MOVE_TO_FRONT, MOVE_EARLIER, MOVE_LATER = "Move to the front", "Move earlier", "Move later"
REGION_OF_STYLE = "Region of this style"
EVERYWHERE, ELSEWHERE = "Everywhere", "Everywhere else"
CURRENT_SELECTION = "Current selection"
PREVIEW_TIP = "Hold down the mouse button to see the original."
UNTITLED = "Untitled"
LAYER_TARGET = "{layer} · {width} × {height} px"
SELECTION_TARGET = "Selection of {layer} · {width} × {height} px"
ANIMATED_TARGET = "{target} · only the frame shown is restyled, since the layer is animated"
MASK_NAME = "Selection"
OPEN_IMAGE = "Open image"
WITH_SELECTION = "{name} (selection)"
PASTED_IMAGE, DROPPED_IMAGE = "Pasted image", "Dropped image"
RANDOM = "Set a random number"
CHOICE_NAMES = {"lbfgs": "L-BFGS"}  # where capitalising a setting's value does not give its usual spelling

# --- saved results and history -----------------------------------------------------------------------
IN_DOCUMENT = "{layer}, in {document}"
RECOVER = "Recover results…"
RESULTS_TITLE = "Results and history"
RESULTS_TAB, HISTORY_TAB = "Results", "History"
INSERT, RESUME, STOP = "Insert as layer", "Resume", "Stop"
DELETE, USE_AGAIN = "Delete", "Use again"
INSERT_TIP = "Inserts the result as a new layer. A stopped restyle is inserted as far as it got."
RESUME_TIP = "Continues the stopped restyle to its end, then inserts the result as a new layer."
RECOVERABLE_ONE = "A result of an earlier restyle can be recovered."
RECOVERABLE_MANY = "{count} results of earlier restyles can be recovered."
RECOVERABLE_PROGRESS = "If the restyle ran for more than a few seconds, its progress can be recovered."
NOTHING_TO_RECOVER = "There are no results to recover: all of them have been inserted."
NO_HISTORY = "There are no restyles yet."
LOADING_RESULTS = "Loading results and history…"
STOPPED = "Stopped. Progress was saved."
DELETED = "Deleted."
UNSUPPORTED_FORMAT = (
    "This result has a pixel format that cannot be inserted here. Save it to a file with 'velatura results save' in a "
    "terminal."
)
INTERACTIVE_ONLY = "This command only opens a window. In scripts, use 'velatura results' and 'velatura history'."
RECOVERED = "Done: new layer “{name}”."
FINISHED, STOPPED_AT = "finished", "stopped at {percent:.0f} %"
SETTINGS_LOADED = "The settings and styles of that restyle are loaded. Click Restyle to start."
STYLE_FILE_MISSING = (
    "The settings of that restyle are loaded, but the style “{name}” is no longer at {path}. Choose it again."
)
STYLE_FILE_UNKNOWN = (
    "The settings of that restyle are loaded, but the file of the style “{name}” is not known. Choose it again."
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # in every locale
SET_BY_PAPER = ("start", "pooling", "style_distance")  # settings that quality 'paper' changes by itself
PROGRAMS = {"krita": "Krita", "gimp": "GIMP", "cli": "command line"}

# --- progress ----------------------------------------------------------------------------------------
READING = "Reading the layer…"
CONNECTING = "Connecting to the daemon…"
SENDING = "Sending the image…"
WAITING = "Waiting for {place} other restyle(s)…"
WORKING = "Scale {level} of {levels}, {width} × {height} px"
INSERTING = "Inserting the layer…"
DONE = "Done in {seconds:.0f} s: new layer “{name}”."
DONE_NEW_IMAGE = "Done: opened as a new image."
SOURCE_MIXES = (
    "“{layer}” is blended with the layers below it, and so is the result: both count. Hide “{layer}” to see the result "
    "alone."
)
CANCELLED = "Cancelled. Nothing was changed."
EXPLAINING = "{number} of {count}: {name}"
SHEET_BACKGROUND = "Background"
EXPLAINED = "What the network sees in {layer} and {style}"
COPIED = "Copied to the clipboard."

# --- errors: what went wrong, and what to do ---------------------------------------------------------
NO_LAYER = "There is no layer to restyle. Open an image and select a layer."
FLOATING = "The image has a floating selection. Anchor it or turn it into a layer, then restyle again."
EMPTY_LAYER = "Layer “{layer}” has no pixels on the canvas. Paint on it, or select another layer."
SELECTION_OUTSIDE = "The selection does not overlap layer “{layer}”. Move the selection, or select another layer."
NO_STYLE_CHOSEN = "No style is chosen. Choose one from the gallery or from a file."
NO_STYLE_GIVEN = (
    "No style is given. Pass an image file as 'style', a layer as 'style-drawable', or several files as 'styles'."
)
NOT_READABLE = "“{name}” could not be read as an image ({why}). Choose another file."
SOURCE_GONE = "The image or layer chosen as the style is no longer there. Choose another one."
REGION_ELSEWHERE = (
    "The region “{region}” was taken from another image, or the size of the image has changed since. Choose the region "
    "again, or restyle without it."
)
REGION_EMPTY = "The region “{region}” is empty. Choose another region, or paint something there."
NO_REGION = (
    "There is no channel or layer “{region}” in the image, and no such file. Give each region as the name of a channel "
    "or layer, or as the path of an image file."
)
KRITA_CANNOT_OPEN = "Krita cannot open it either"
NO_BROWSER = "No web browser was found to show the manual. It is in the file {path}."
REGION_GONE = "The channel or layer chosen as the region is no longer there. Choose another one."
REGION_SIZE = (
    "The region “{region}” is {width} × {height} px, but the image is {of_width} × {of_height} px. Use a region of the "
    "same size as the image."
)
NO_STYLE_TO_EXPLAIN = "There is no style to show yet. Choose a style and restyle once, then try again."
NOTHING_TO_PASTE = "There is no image on the clipboard. Copy one first."
NO_CONVERSION = "The colours could not be converted to {space}. Convert the layer to RGB, then restyle again."
CLOSED_BEFORE_READ = "The image was closed before it was read. Open it and restyle again."
IMAGE_CLOSED = "The image has been closed. The result can be opened as a new image."
LAYER_DELETED = "The layer has been deleted. The result can be opened as a new image."
LAYER_SCALED = (
    "The layer or the canvas was scaled or transformed during the restyle, so the result does not fit any more."
)
CAN_BE_OPENED = "It can be opened as a new image."
NOT_INSERTED = "The result could not be inserted above “{layer}”. Unlock its layer group and restyle again."
REPLACED = "Cancelled: a newer restyle of the same layer replaced this one."
UNEXPECTED = "An unexpected error occurred: {what}. Please send us the report."
NOTHING_TO_REPEAT = "Nothing has been restyled yet. Restyle once from the window; this command then repeats it."
SANDBOXED = (
    "No daemon is running, and this editor runs in a sandbox that cannot start one. Run this in a terminal: {command}"
)


def choice_label(value: str, meaning: str) -> str:
    """One choice of a setting as a window shows it, e.g. 'Draft: fast preview'."""
    return f"{CHOICE_NAMES.get(value, value.capitalize())}: {meaning}"


def time_left(seconds: float) -> str:
    """The remaining time in words; empty if it is unknown (seconds < 0)."""
    if seconds < 0:
        return ""
    if seconds < 1:
        return "a moment left"
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left"


def progress(event: p.Progress) -> str:
    """One line that describes how far a job is."""
    scale = WORKING.format(level=event.level + 1, levels=event.levels, width=event.width, height=event.height)
    left = time_left(event.seconds_left)
    return f"{scale} · {left}" if left else scale


def result_name(styles: Sequence[str], settings: StyleSettings) -> str:
    """The name of a result's layer: the names of its styles, and the strength if that has an effect."""
    names = " + ".join(filter(None, styles)) or STYLE
    return names if settings.strength_is_locked else f"{names} {settings.strength:g} %"


def style_name(stem: str) -> str:
    """A style's display name, from the name of its file: 'night_swirls' becomes 'Night swirls'."""
    name = stem.replace("_", " ").strip() or STYLE
    return name[:1].upper() + name[1:]


def share(value: float) -> str:
    """The share of a style, 0 to 1, as a window shows it."""
    return f"{100 * value:.0f} %"


def recoverable_results(count: int) -> str:
    """How many results can be recovered, as a sentence; empty if there are none."""
    return (RECOVERABLE_ONE if count == 1 else RECOVERABLE_MANY.format(count=count)) if count else ""


def short_date(at: float, now: float) -> str:
    """A time as a short date: 'today 14:32', 'yesterday 9:05', '3 Mar 2026'. at, now: seconds since 1970."""
    then, today = time.localtime(at), time.localtime(now)
    days = (_day(today) - _day(then)) if at <= now else -1
    if days in (0, 1):
        return f"{('today', 'yesterday')[days]} {then.tm_hour}:{then.tm_min:02}"
    return f"{then.tm_mday} {MONTHS[then.tm_mon - 1]} {then.tm_year}"


def _day(date: time.struct_time) -> int:
    """The ordinal of a date, so that two dates can be subtracted."""
    return datetime.date(date.tm_year, date.tm_mon, date.tm_mday).toordinal()


def duration(seconds: float) -> str:
    """How long a restyle took."""
    return f"took {seconds:.0f} s" if seconds >= 1 else "took under 1 s"


def settings_summary(settings: StyleSettings) -> str:
    """The quality, and every setting that differs from its default. The strength is in the result's name already."""
    parts = [settings.quality]
    for name, spec in setting_specs().items():
        value = getattr(settings, name)
        shown_elsewhere = name in ("strength", "quality", "composite")
        set_by_paper = settings.quality == "paper" and name in SET_BY_PAPER
        if shown_elsewhere or set_by_paper or value == default_of(name):
            continue
        text = "" if value is True else f" {value:g}" if isinstance(value, (int, float)) else f" {value}"
        unit = f" {spec.unit}" if spec.unit in ("%", "×") else ""
        parts.append(f"{spec.label.lower()}{text}{unit}")
    return ", ".join(parts)
