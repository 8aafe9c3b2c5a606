"""What the editors' windows say, written once. {names} are filled in."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence

from velatura.protocol import messages as p
from velatura.settings import StyleSettings, default_of, setting_specs

# --- the menu ----------------------------------------------------------------------------------------
RESTYLE = "Restyle with Velatura…"
RESTYLE_AGAIN = "Restyle again"
EXPLAIN = "See what the network sees…"
RESULTS = "Results and history…"
TITLE = "Restyle with Velatura"

# --- the window --------------------------------------------------------------------------------------
# Knobs in the order a window shows them; the others stand under MORE. `composite` is for files: an editor makes a mask.
WINDOW_KNOBS = ("strength", "stroke_size", "keep_colours", "quality", "seed")
MORE_KNOBS = ("fine", "middle", "coarse", "style_distance", "seamless", "start", "iterations", "optimiser", "pooling")
FIGURE_KNOBS = ("reconstruct", "content_layer", "style_depth", "balance")  # on the command line, and in no window
STYLE, GALLERY, MORE = "Style", "Recent and samples", "More"
FROM_FILE, FROM_LAYER, PASTE = "From file…", "From a layer", "Paste"
START, CANCEL, CLOSE = "Restyle", "Cancel", "Close"
COPY_REPORT, COPY_COMMAND = "Copy report", "Copy command"
OPEN_AS_PICTURE = "Open as a new picture"
CHOOSE_STYLE = "Choose a style"
GALLERY_TIP = "Click a painting to use it; Ctrl+click for several. You can also drop a picture here."
NO_SOURCES = "No picture is open"
PICTURE_FILES = "Pictures"
NO_STYLE = "Pick a painting, or drop one here."
SHARE = "Share"
REMOVE_STYLE = "Take this style away"
WHERE = "Where this style goes"
EVERYWHERE, ELSEWHERE = "Everywhere", "Everywhere else"
SELECTION_NOW = "The selection, as it is now"
RESET = "Back to the defaults"
BEFORE_AFTER = "Hold the mouse button down to see it as it was."
UNTITLED = "Untitled"
LAYER_OF = "{layer} · {width} × {height} px"
SELECTION_OF = "Selection of {layer} · {width} × {height} px"
MASK_NAME = "Selection"
OPEN_IMAGE = "An open image"
OF_SELECTION = "{name} (selection)"
IN_CLIPBOARD, DROPPED = "From the clipboard", "Dropped picture"

# --- what is kept, and the history -------------------------------------------------------------------
IN_DOCUMENT = "{layer}, in {document}"
RECOVER = "Recover results…"
RESULTS_TITLE = "Results and history"
KEPT_RESULTS, HISTORY = "Results", "History"
INSERT, GO_ON, STOP = "Insert as a layer", "Go on", "Stop"
FORGET, USE_AGAIN = "Forget", "Use again"
INSERT_TIP = "A stopped restyle: the picture as far as it got."
GO_ON_TIP = "Work on from where it was stopped; then it becomes a layer."
KEPT_ONE = "A result of an earlier restyle is kept."
KEPT_SOME = "{count} results of earlier restyles are kept."
KEPT_OF_IT = "What it had worked on for more than a few seconds can be recovered."
NOTHING_KEPT = "Nothing waits here: every result has reached its picture."
NO_HISTORY = "No restyle has been made yet."
ASKING = "Asking the daemon…"
STOPPED = "Stopped. What is done of it is kept."
FORGOTTEN = "Forgotten."
OF_ANOTHER_KIND = (
    "These pixels are not of the kind that this editor's layers are read in. Save them with 'velatura "
    "results save' in a terminal."
)
FOR_A_PERSON = "This opens a window for a person. From scripts, use 'velatura results' and 'velatura history'."
RECOVERED = "Done: new layer “{name}”."
FINISHED, STOPPED_AT = "finished", "stopped at {percent:.0f} %"
USED_AGAIN = "The knobs and styles of that restyle. Press Restyle to use them."
STYLE_GONE = "The knobs are those of that restyle, but the painting “{name}” is not at {path} any more. Choose it anew."
STYLE_OF_NO_FILE = (
    "The knobs are those of that restyle, but nothing is known of where “{name}” came from. Choose it anew."
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # whatever the locale is
PAPER_SETS = ("start", "pooling", "style_distance")  # knobs that quality 'paper' turns by itself
PROGRAMS = {"krita": "Krita", "gimp": "GIMP", "cli": "command line"}

# --- what goes on ------------------------------------------------------------------------------------
READING = "Reading the layer…"
WAKING = "Waking the daemon…"
SENDING = "Sending the picture…"
WAITING = "Waiting for {place} other restyle(s)…"
WORKING = "Scale {level} of {levels}, {width} × {height} px"
INSERTING = "Making the layer…"
DONE = "Done in {seconds:.0f} s: new layer “{name}”."
DONE_PICTURE = "Done: opened as a new picture."
CANCELLED = "Cancelled. Nothing has changed."
EXPLAINING = "{number} of {count}: {name}"
PAPER = "Paper"
EXPLAINED = "What the network sees of {layer} and {style}"
COPIED = "Copied."

# --- what is wrong, and what to do -------------------------------------------------------------------
NO_LAYER = "There is no layer to restyle. Open a picture and choose a layer."
FLOATING = "A floating selection is in the way. Anchor it, or make it a layer, and restyle again."
EMPTY_LAYER = "Layer “{layer}” has no pixels on the canvas. Paint something there, or choose another layer."
SELECTION_OUTSIDE = "The selection covers nothing of layer “{layer}”. Move the selection, or choose another layer."
NO_STYLE_CHOSEN = "No style is chosen. Pick a painting from the gallery, or take one from a file."
NO_STYLE_GIVEN = "No style is given. Give a painting as 'style' (a file), as 'style-drawable', or several as 'styles'."
NOT_READABLE = "“{name}” could not be read as a picture ({why}). Choose another file."
SOURCE_GONE = "The layer that the style was to come from has gone. Choose another."
REGION_ELSEWHERE = (
    "“{region}” was taken as a region of another picture, or the picture's size has changed since: it is no region "
    "here. "
    "Choose anew where its style goes, or restyle without."
)
REGION_EMPTY = "“{region}” covers nothing of the picture. Choose another region, or paint something there."
NO_REGION = (
    "There is no channel or layer “{region}” in the picture, and no such file. Give a style's region by its name."
)
REGION_GONE = "What the region was to be taken from has gone. Choose another."
REGION_SIZE = (
    "The region “{region}” is {width} × {height} px, the picture {of_width} × {of_height}. Give one of the "
    "picture's size."
)
NO_STYLE_TO_EXPLAIN = "Which style? Pick a painting and restyle once; then the network's view of it can be shown."
NOTHING_TO_PASTE = "There is no picture in the clipboard. Copy one first."
NO_CONVERSION = "The editor could not convert the colours to {space}. Convert the layer to RGBA and try again."
PICTURE_CLOSED = "The picture was closed before it was read. Open it and restyle again."
PICTURE_GONE = "The picture was closed meanwhile. The result is kept here: open it as a new picture."
LAYER_GONE = "The layer was removed meanwhile. The result is kept here: open it as a new picture."
NOT_INSERTED = "The editor did not take a layer above “{layer}”. Unlock its group, and restyle again."
REPLACED = "The restyle was cancelled: a newer one for the same layer took its place."
UNFORESEEN = "Something unforeseen went wrong: {what}. Please send us the report of it."
NO_LAST = "Nothing has been restyled yet: choose a style and press Restyle; the next time it goes without the window."
SANDBOXED = "No daemon is running, and this editor's sandbox cannot start one. Run this in a terminal: {command}"


def time_left(seconds: float) -> str:
    """Seconds as people say them; empty where nothing is known (below 0)."""
    if seconds < 0:
        return ""
    if seconds < 1:
        return "a moment left"
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left"


def progress(event: p.Progress) -> str:
    """One line about where a job is."""
    scale = WORKING.format(level=event.level + 1, levels=event.levels, width=event.width, height=event.height)
    left = time_left(event.seconds_left)
    return f"{scale} · {left}" if left else scale


def result_name(styles: Sequence[str], settings: StyleSettings) -> str:
    """The name of a result's layer: its style or styles, and how strong."""
    names = " + ".join(filter(None, styles)) or STYLE
    return names if settings.strength_is_locked else f"{names} {settings.strength:g} %"


def style_name(stem: str) -> str:
    """A file's name as a painter would write it: 'night_swirls' is 'Night swirls'."""
    said = stem.replace("_", " ").strip() or STYLE
    return said[:1].upper() + said[1:]


def kept(count: int) -> str:
    """How many results wait; empty where none do."""
    return (KEPT_ONE if count == 1 else KEPT_SOME.format(count=count)) if count else ""


def when(at: float, now: float) -> str:
    """A time as people say it: 'today 14:32', 'yesterday 9:05', '3 Mar 2026'. at, now: seconds since 1970."""
    then, today = time.localtime(at), time.localtime(now)
    days = (_day(today) - _day(then)) if at <= now else -1
    if days in (0, 1):
        return f"{('today', 'yesterday')[days]} {then.tm_hour}:{then.tm_min:02}"
    return f"{then.tm_mday} {MONTHS[then.tm_mon - 1]} {then.tm_year}"


def _day(date: time.struct_time) -> int:
    """Days since some day."""
    return datetime.date(date.tm_year, date.tm_mon, date.tm_mday).toordinal()


def took(seconds: float) -> str:
    """How long something has taken."""
    return f"took {seconds:.0f} s" if seconds >= 1 else "took under 1 s"


def knobs_said(settings: StyleSettings) -> str:
    """Quality, and every knob that is turned from its default. The strength stands in the result's name."""
    turned = [settings.quality]
    for name, knob in setting_specs().items():
        value = getattr(settings, name)
        if (
            name not in ("strength", "quality", "composite")
            and value != default_of(name)
            and not (settings.quality == "paper" and name in PAPER_SETS)
        ):
            said = "" if value is True else f" {value:g}" if isinstance(value, (int, float)) else f" {value}"
            turned.append(f"{knob.label.lower()}{said}{f' {knob.unit}' if knob.unit in ('%', '×') else ''}")
    return ", ".join(turned)
