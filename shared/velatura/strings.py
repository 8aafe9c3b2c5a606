"""The texts of the editors' windows, shared by both plugins. Names in {braces} are filled in with `format`.

Labels and tooltips are in the user's language (`_`). Messages and errors, which are also logged and sent, are English
texts that the window translates when it shows them (`lazy_text`).
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Sequence

from velatura.i18n import _, lazy_list, lazy_plural, lazy_text, ngettext, pgettext, translated
from velatura.protocol import messages as p
from velatura.settings import StyleSettings, default_of, setting_specs

# --- menu --------------------------------------------------------------------------------------------
MENU = "Velatura"  # not translated: a name
RESTYLE = _("Restyle…")
RESTYLE_AGAIN = _("Restyle again")
EXPLAIN = _("See what the network sees…")
RESULTS = _("Results and history…")
HELP = _("Help")
TITLE = _("Restyle with Velatura")

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
NARROW_SETTINGS = ("strength", "stroke_size", "quality")  # in the docker
FIGURE_SETTINGS = ("reconstruct", "content_layer", "style_depth", "balance")  # on the command line, but in no window
FILM_SETTINGS = ("steadiness",)  # without effect on a still picture
STYLE, MORE = _("Style"), _("More settings")
FROM_FILE, FROM_LAYER, PASTE = _("From file…"), _("From layer"), pgettext("button", "Paste")
# Translators: a switch: the preview follows the canvas while the user paints.
LIVE = _("Live")
DRAFTS, DRAFTING = _("Preview"), _("Drafting…")
DRAFTS_TIP = _("Shows a quick draft half a second after a setting, a style or the layer has changed.")
LIVE_TIP = _("The preview follows the canvas: it shows a new draft whenever you pause painting. Not on battery.")
DRAFTS_ON, DRAFTS_OFF = _("Preview on"), _("Preview off")
LIVE_ON, LIVE_OFF = _("Live preview on"), _("Live preview off")
OPEN_WINDOW, OPEN_WINDOW_TIP = _("More…"), _("Opens the window with all settings.")
START, START_OVER = pgettext("button", "Restyle"), pgettext("button", "Start over")
CANCEL, CLOSE = pgettext("button", "Cancel"), pgettext("button", "Close")
RESET, RESET_TIP = pgettext("button", "Reset"), _("Sets all settings to their defaults. The styles stay.")
HELP_TIP = _("Opens the manual.")
# For screen readers.
MESSAGE_NAME, PROGRESS_NAME, PREVIEW_NAME = _("Message"), _("Progress"), _("Preview")
GALLERY_NAME = _("Styles")
SHARE_OF, REMOVE_NAMED, REGION_OF = (
    _("Share of {style}"),
    _("Do not use this style: {style}"),
    _("Region of the style {style}: {region}"),
)
REGION_TIP, REMOVE_FOLDER_NAMED = _("Region of this style: {region}"), _("Remove folder {folder}")
FROM_FILE_TIP = _("Uses image files as styles.")
FROM_LAYER_TIP = _("Uses an open image or one of its layers as a style.")
PASTE_TIP = _("Uses the image on the clipboard as a style, or the image at an address on the clipboard.")
MORE_TIP = _("Shows or hides the rarely used settings.")
RECOVER_TIP = _("Shows the saved results and stopped restyles.")
START_TIP = _("Restyles the layer, or what is selected in it. The result is a new layer.")
COPY_REPORT_TIP = _("Copies what a developer needs to know; it contains no pictures.")
COPY_COMMAND_TIP = _("Copies the command that starts the daemon, to run it in a terminal.")
OPEN_AS_IMAGE_TIP = _("Opens the result as an image of its own.")
CANCEL_TIP = _("Stops the restyle. Nothing is changed.")
STATUS_TIP = _("A restyle is running. Click to open the window.")
COPY_REPORT, COPY_COMMAND = _("Copy report"), _("Copy command")
OPEN_AS_IMAGE = _("Open as new image")
CHOOSE_STYLE = _("Choose style")
GALLERY_TIP = _(
    "Click a style to choose it; Ctrl+click to choose several. You can also drop image files here, or an image from a "
    "web browser."
)
NO_SOURCES = _("No image is open")
IMAGE_FILES = _("Images")
NO_STYLE = lazy_text("Choose a style, or drop an image here.")
SHARE = _("Share: how much this style counts compared with the others")
REMOVE_STYLE = _("Do not use this style")
RENAME, RENAME_TITLE, RENAME_DONE, NEW_NAME = (
    _("Rename…"),
    _("Rename a style"),
    pgettext("button", "Rename"),
    _("Name in the gallery:"),
)
REMOVE_FROM_GALLERY = _("Remove from the gallery")

# --- the gallery -------------------------------------------------------------------------------------
FAVOURITES, RECENT_STYLES, SAMPLE_PAINTINGS, OPEN_IMAGES = (
    _("Favourites"),
    pgettext("styles", "Recent"),
    _("Sample paintings"),
    _("Open images"),
)
ADD_TO_FAVOURITES, REMOVE_FROM_FAVOURITES = _("★ Add to favourites"), _("Remove from favourites")
ADD_FOLDER, ADD_FOLDER_TITLE, ADD_FOLDER_DONE = _("Add folder…"), _("Add a folder of paintings"), _("Add folder")
ADD_FOLDER_TIP = _("Shows all pictures of a folder in the gallery, and those that you add to it later.")
REMOVE_FOLDER, REMOVE_FOLDER_TIP = _("Remove folder"), _("Removes this folder from the gallery. Its files stay.")
ADD_STYLE, ADD_STYLE_TIP = (
    pgettext("button", "Add"),
    _("Uses files, layers, the clipboard or a whole folder as styles."),
)
SEARCH, SEARCH_TIP = (
    _("Search styles"),
    _("Shows only styles with these words in their names (Ctrl+F). Escape clears it."),
)
NO_MATCH = _("No style is called “{text}”.")
FOLDER_LOADING = _("Reading the folder…")
FOLDER_GONE = _("This folder does not exist.")
FOLDER_UNREADABLE = _("This folder cannot be read ({why}).")
NAME_IS_NO_TEXT = _("its name is not valid text")
FOLDER_EMPTY = _("This folder has no pictures.")
FOLDER_TOO_FULL = _("The first {count} of {all} pictures.")
FETCHING = lazy_text("Fetching the image from {site}…")
NO_IMAGE_AT_ADDRESS = lazy_text(
    "{site} did not send a readable image. Save the image to a file in the browser, then drop the file."
)
FETCH_FAILED = lazy_text(
    "The image could not be fetched from {site} ({why}). Save it to a file in the browser, then drop the file."
)
IMAGE_TOO_LARGE = lazy_text("The image from {site} is larger than {limit} MB. Choose a smaller one.")
# The same for an image that a browser hands over itself, without an address.
FETCHING_DROP = lazy_text("Fetching the image from the browser…")
NO_IMAGE_IN_DROP = lazy_text("The browser did not send a readable image. Save the image to a file, then drop the file.")
DROP_FAILED = lazy_text(
    "The image could not be fetched from the browser ({why}). Save it to a file in the browser, then drop the file."
)
DROP_TOO_LARGE = lazy_text("The image from the browser is larger than {limit} MB. Choose a smaller one.")
TIMED_OUT = lazy_text("timed out")
NOT_SAVED_IN = lazy_text("it could not be saved in {folder}")

# --- the window, continued ---------------------------------------------------------------------------
MOVE_TO_FRONT, MOVE_EARLIER, MOVE_LATER = _("Move to the front"), _("Move earlier"), _("Move later")
EVERYWHERE, ELSEWHERE = _("Everywhere"), _("Everywhere else")
CURRENT_SELECTION = _("Current selection")
UNTITLED = lazy_text("Untitled")
LAYER_TARGET = _("{layer} · {width} × {height} px")
SELECTION_TARGET = _("Selection of {layer} · {width} × {height} px")
ANIMATED_TARGET = _("{target} · only the frame shown is restyled, since the layer is animated")
# Translators: the name of the layer mask that a selection becomes.
MASK_NAME = pgettext("mask", "Selection")
OPEN_IMAGE = _("Open image")
WITH_SELECTION = _("{name} (selection)")
PASTED_IMAGE, DROPPED_IMAGE = lazy_text("Pasted image"), lazy_text("Dropped image")
RANDOM = _("Set a random number")
# The values of settings as a window shows them. Layers of the network keep their names.
CHOICE_NAMES = {
    "off": pgettext("choice", "Off"),
    "luminance": pgettext("choice", "Luminance"),
    "palette": pgettext("choice", "Palette"),
    "draft": pgettext("choice", "Draft"),
    "good": pgettext("choice", "Good"),
    "best": pgettext("choice", "Best"),
    # Translators: the method of the scientific paper by Gatys, Ecker and Bethge.
    "paper": pgettext("choice", "Paper"),
    # Translators: the image that is restyled, as opposed to the style.
    "content": pgettext("choice", "Content"),
    "noise": pgettext("choice", "Noise"),
    # Translators: the last result.
    "last": pgettext("choice", "Last"),
    "auto": pgettext("choice", "Auto"),
    # Translators: after Gram matrices, which are named after a mathematician.
    "gram": pgettext("choice", "Gram"),
    # Translators: statistical moments.
    "moments": pgettext("choice", "Moments"),
    # Translators: after the Wasserstein distance, which is named after a mathematician.
    "wasserstein": pgettext("choice", "Wasserstein"),
    "lbfgs": pgettext("choice", "L-BFGS"),
    # Translators: an optimisation method.
    "adam": pgettext("choice", "Adam"),
    # Translators: gradient descent.
    "gradient": pgettext("choice", "Gradient"),
    "antialiased": pgettext("choice", "Antialiased"),
    "average": pgettext("choice", "Average"),
    # Translators: maximum.
    "max": pgettext("choice", "Max"),
    "both": pgettext("choice", "Both"),
    "style": pgettext("choice", "Style"),
}
# The names of the sample paintings, and of styles without a name of their own. Stored in English.
STYLE_NAMES: dict[str, str] = {
    name: name
    for name in (
        lazy_text("Night swirls"),
        lazy_text("Poppy field"),
        lazy_text("Ember waves"),
        lazy_text("Woodcut"),
        lazy_text("Mosaic"),
        lazy_text("Watercolour"),
        lazy_text("Style"),
        PASTED_IMAGE,
        DROPPED_IMAGE,
    )
}

# --- preview -----------------------------------------------------------------------------------------
# Not on the preview itself: it would cover the picture.
PREVIEW_TIP = _(
    "Zoom of the preview. Scroll over the picture to zoom, drag to move it, double-click to switch between 1:1 and "
    "fit. Hold down B to see the original, or the mouse button while the whole picture is shown."
)
ZOOM_NAME = _("Zoom")
ZOOM_OUT, ZOOM_IN, ZOOM_FIT, ZOOM_ONE = "−", "+", pgettext("zoom", "Fit"), "1:1"
# The name for screen readers, and the tooltip.
ZOOM_OUT_TIP = (_("Zoom out"), _("Shows more of the picture. Key: −"))
ZOOM_IN_TIP = (_("Zoom in"), _("Shows the picture larger. Key: +"))
ZOOM_FIT_TIP = (pgettext("zoom", "Fit"), _("Shows the whole picture. Key: 0"))
ZOOM_ONE_TIP = ("1:1", _("Shows every pixel of the layer as one pixel of the screen. Key: 1"))
# The text, the name for screen readers, and the tooltip.
COMPARE = {
    "before": (
        pgettext("preview", "Before"),
        pgettext("preview", "Before"),
        _("Shows the original. Hold down B in the preview to see it for a moment."),
    ),
    "split": (
        pgettext("preview", "Split"),
        pgettext("preview", "Split"),
        _("Shows the original to the left of a line, the preview to its right. Drag the line."),
    ),
    "after": (
        pgettext("preview", "After"),
        pgettext("preview", "After"),
        _("Shows the preview, as soon as there is one."),
    ),
}

# --- greyscale images --------------------------------------------------------------------------------
GREY_IMAGE = _("This image is greyscale, so the result will be grey.")
CONVERT_TO_RGB = _("Convert to RGB")
CONVERT_TO_RGB_TIP = _(
    "Converts the whole image to RGB, so that the result can have the colours of the style. Undo reverts it."
)
CONVERTED_TO_RGB = lazy_text("The image is RGB now, so the result can have the colours of the style.")
CONVERT_BUSY = lazy_text("A restyle is running. Wait until it is done or cancel it, then convert the image.")
NOT_CONVERTED = lazy_text("The image could not be converted to RGB. Convert it in the Image menu, then restyle.")

# --- saved results and history -----------------------------------------------------------------------
IN_DOCUMENT = _("{layer}, in {document}")
RECOVER = _("Recover results…")
RESULTS_TITLE = _("Results and history")
RESULTS_TAB, HISTORY_TAB = _("Results"), _("History")
INSERT, RESUME, STOP = _("Insert as layer"), pgettext("button", "Resume"), pgettext("button", "Stop")
DELETE, USE_AGAIN = pgettext("button", "Delete"), pgettext("button", "Use again")
INSERT_TIP = _("Inserts the result as a new layer. A stopped restyle is inserted as far as it got.")
RESUME_TIP = _("Continues the stopped restyle to its end, then inserts the result as a new layer.")
RECOVERABLE_PROGRESS = _("The progress of the restyle can be recovered.")
NOTHING_TO_RECOVER = lazy_text("There are no results to recover: all of them have been inserted.")
NO_HISTORY = _("There are no restyles yet.")
LOADING_RESULTS = lazy_text("Loading results and history…")
STOPPED = lazy_text("Stopped. Progress was saved.")
PROGRESS_SAVED = lazy_text("Its progress was saved.")  # after the message of a daemon that has stopped
DELETED = lazy_text("Deleted.")
UNSUPPORTED_FORMAT = lazy_text(
    "This result has a pixel format that cannot be inserted here. Save it to a file with 'velatura results save' in a "
    "terminal."
)
INTERACTIVE_ONLY = lazy_text(
    "This command only opens a window. In scripts, use 'velatura results' and 'velatura history'."
)
RECOVERED = lazy_text("Done: new layer “{name}”.")
FINISHED, STOPPED_AT = pgettext("restyle", "finished"), _("stopped at {percent:.0f} %")
SETTINGS_LOADED = lazy_text("The settings and styles of that restyle are loaded. Click Restyle to start.")
STYLE_FILE_MISSING = lazy_text(
    "The settings of that restyle are loaded, but the style “{name}” is no longer at {path}. Choose it again."
)
STYLE_FILE_UNKNOWN = lazy_text(
    "The settings of that restyle are loaded, but the file of the style “{name}” is not known. Choose it again."
)
MONTHS = (
    pgettext("month", "Jan"),
    pgettext("month", "Feb"),
    pgettext("month", "Mar"),
    pgettext("month", "Apr"),
    pgettext("month", "May"),
    pgettext("month", "Jun"),
    pgettext("month", "Jul"),
    pgettext("month", "Aug"),
    pgettext("month", "Sep"),
    pgettext("month", "Oct"),
    pgettext("month", "Nov"),
    pgettext("month", "Dec"),
)
SET_BY_PAPER = ("start", "pooling", "style_distance")  # settings that quality 'paper' changes by itself
PROGRAMS = {  # not translated: two of them are names
    "krita": "Krita",
    "gimp": "GIMP",
    "cli": pgettext("program", "command line"),
}

# --- presets -----------------------------------------------------------------------------------------
PRESET, CUSTOM = _("Preset"), pgettext("preset", "Custom")
PRESET_TIP = _(
    "Sets all settings at once: those that the preset does not name get their defaults. The styles stay.\n“Custom” "
    "means that the settings match none of the presets."
)
PRESET_MENU_TIP = _("Saves, renames, deletes and shares presets.")
SAVE_PRESET, RENAME_PRESET, DELETE_PRESET = _("Save as…"), _("Rename…"), pgettext("button", "Delete")
IMPORT_PRESET, EXPORT_PRESET = _("Import…"), _("Export…")
SHOW_PROBLEMS = _("Files that cannot be used…")
SAVE_PRESET_TITLE, RENAME_PRESET_TITLE = _("Save the settings as a preset"), _("Rename the preset")
IMPORT_PRESET_TITLE, EXPORT_PRESET_TITLE = _("Import presets"), _("Export the preset")
PRESET_NAME, SAVE_DONE, REPLACE, PRESET_FILES = (
    _("Name:"),
    pgettext("button", "Save"),
    pgettext("button", "Replace"),
    _("Velatura presets"),
)
REPLACE_PRESET = _("There is already a preset “{name}”. Replace it with the current settings?")
DELETE_PRESET_QUESTION = _("Delete the preset “{name}”? This cannot be undone.")
PRESET_SAVED, PRESET_RENAMED = (
    lazy_text("The settings are saved as the preset “{name}”."),
    lazy_text("The preset is now called “{name}”."),
)
PRESET_DELETED, PRESET_EXPORTED = (
    lazy_text("The preset “{name}” has been deleted."),
    lazy_text("The preset is saved in {path}."),
)
PRESET_IMPORTED = lazy_text("Imported: {names}.")
NO_PRESET_CHOSEN = _("Choose a preset first.")
PRESET_UNKNOWN_SETTINGS = lazy_text(
    "The preset “{name}” has settings that this version of Velatura does not know, and they are left out: {settings}. "
    "Update Velatura to use them."
)
NO_SUCH_PRESET = lazy_text("There is no preset “{name}”.")
PRESET_SIMILAR, PRESET_NAMES = lazy_text("Did you mean “{name}”?"), lazy_text("The presets are {names}.")
PRESET_NAME_EMPTY = lazy_text("The preset needs a name. Type at least one letter or digit.")
PRESET_NAME_LONG = lazy_text("The name has {length} characters; at most {most} are allowed. Choose a shorter one.")
PRESET_NAME_OURS = lazy_text("“{name}” is a preset that comes with Velatura. Choose another name.")
PRESET_OURS = lazy_text(
    "“{name}” comes with Velatura, so it cannot be renamed or deleted. Save its settings under another name."
)
PRESET_EXISTS = lazy_text("There is already a preset “{name}”. Choose another name, or delete that one first.")
PRESET_TWICE = lazy_text("{file} is ignored: {other} has the same name, “{name}”. Rename or delete one of them.")
PRESET_TOO_LARGE = lazy_text("{file} is larger than {most} KB, so it is not a preset. Choose another file.")
PRESET_DAMAGED = lazy_text("{file} is damaged, or it is not a preset. Ask for it again, or delete it.")
PRESET_TOO_NEW = lazy_text(
    "{file} was saved by a newer version of Velatura, which this one cannot read. Update Velatura."
)
PRESET_INVALID = lazy_text("{file} cannot be used. {why}")
PRESET_TOO_MANY = lazy_text("It has more than {most} KB of settings that this version does not know. Update Velatura.")
PRESET_UNREADABLE = lazy_text("{file} cannot be read ({why}). Choose another file.")
PRESET_IS_NO_FILE, PRESET_IS_MISSING = lazy_text("it is not a file"), lazy_text("there is no such file")
PRESETS_UNREADABLE = lazy_text("Your presets in {folder} cannot be read ({why}). Make that folder readable.")
PRESETS_TOO_MANY = lazy_text("{folder} has {count} presets; the first {most} are shown. Delete some of them.")
PRESET_FILE_UNNAMED = lazy_text("“{path}” is not a file name. Choose another name.")
PRESET_FILE_EXISTS = lazy_text("{path} already exists. Choose another name, or delete it first.")
PRESET_NOT_WRITTEN = lazy_text("{path} cannot be written ({why}). Choose another folder, or free some disk space.")
PRESET_NOT_DELETED = lazy_text("{path} cannot be deleted ({why}). Get permission to write there, and try again.")

# The names of the presets that come with Velatura. Their files, and the command line, have them in English.
OUR_PRESETS: dict[str, str] = {
    name: name
    for name in (
        lazy_text("Faint wash"),
        lazy_text("Bold strokes"),
        lazy_text("Keep my colours"),
        lazy_text("Seamless texture"),
        lazy_text("Portrait"),
    )
}

# --- editing a result ---------------------------------------------------------------------------------
EDIT = _("Edit this restyle…")
EDIT_TIP = _("Change the settings or styles of a result, and replace it")
EDITS = _("Editing “{name}” · {target}")
EDIT_LOADED = lazy_text(
    "These are the settings and styles of “{name}”. Change them, then click Restyle to replace the layer."
)
EDIT_STYLE_MISSING = lazy_text("The file of the style {names} no longer exists. Choose another style.")
EDIT_REGIONS_MISSING = lazy_text(
    "The regions of the styles are not stored with the layer. Choose them again if you need them."
)
EDIT_CANVAS_CHANGED = lazy_text(
    "The size of the image has changed since this layer was made. Its source is restyled as it is now."
)
EDIT_ENDED = lazy_text("“{name}” is no longer being edited: another layer is active, or it is no longer in the image.")
ANNOTATION = "How the layers of Velatura were made"  # not translated: stored in documents
EDIT_BUSY = lazy_text("A restyle is running. Wait until it is done or cancel it, then edit the layer.")
EDIT_INTERACTIVE_ONLY = lazy_text("This command only opens a window. In scripts, restyle the source again.")
EDIT_NO_LAYER = lazy_text("There is no layer to edit. Select a layer that Velatura has made.")
EDIT_NO_RESULT = lazy_text(
    "It is not known how “{layer}” was made. Select a layer that Velatura has made. A layer that has since been "
    "merged, scaled or converted is not recognised."
)
EDIT_ANIMATED = lazy_text(
    "“{layer}” is animated, and animated results cannot be edited. Restyle its source again, then delete this layer."
)
EDIT_LOCKED = lazy_text("“{layer}” is locked. Unlock it and its groups, then edit it.")
EDIT_SOURCE_GONE = lazy_text(
    "The layer that “{layer}” was made from is no longer in this image. Select the layer to restyle, and restyle it "
    "again."
)
EDIT_OUTSIDE = lazy_text("The selection of “{layer}” no longer overlaps its source “{source}”. Move the layer back.")
EDITED_GONE = lazy_text("“{name}” no longer exists, so the result is a new layer.")
EDIT_NOT_REPLACED = lazy_text(
    "It is above “{name}”, which stays: Krita can only replace a plain paint layer, and only while its document is "
    "active."
)
DONE_REPLACED = lazy_text("Done in {seconds:.0f} s: “{name}” is replaced.")

# --- progress ----------------------------------------------------------------------------------------
READING = lazy_text("Reading the layer…")
CONNECTING = lazy_text("Connecting to the daemon…")
SENDING = lazy_text("Sending the image…")
WORKING = _("Scale {level} of {levels}, {width} × {height} px")
INSERTING = lazy_text("Inserting the layer…")
DONE = lazy_text("Done in {seconds:.0f} s: new layer “{name}”.")
DONE_NEW_IMAGE = lazy_text("Done: opened as a new image.")
SOURCE_MIXES = lazy_text(
    "“{layer}” is blended with the layers below it, and so is the result: you see both. Hide “{layer}” to see the "
    "result alone."
)
CANCELLED = lazy_text("Cancelled. Nothing was changed.")
EXPLAINING = _("{number} of {count}: {name}")
SHEET_BACKGROUND = _("Background")
EXPLAINED = _("What the network sees in {layer} and {style}")
COPIED = lazy_text("Copied to the clipboard.")

# --- errors: what went wrong, and what to do ---------------------------------------------------------
NO_LAYER = lazy_text("There is no layer to restyle. Open an image and select a layer.")
FLOATING = lazy_text("The image has a floating selection. Anchor it or turn it into a layer, then restyle again.")
EMPTY_LAYER = lazy_text("Layer “{layer}” has no pixels on the canvas. Paint on it, or select another layer.")
SELECTION_OUTSIDE = lazy_text(
    "The selection does not overlap layer “{layer}”. Move the selection, or select another layer."
)
NO_STYLE_CHOSEN = lazy_text("No style is chosen. Choose one from the gallery or from a file.")
NO_STYLE_GIVEN = lazy_text(
    "No style is given. Pass an image file as 'style', a layer as 'style-drawable', or several files as 'styles'."
)
SVG_STYLE = lazy_text("“{name}” is an SVG file, which can lead to other files. Export it as a PNG, and choose that.")
STYLE_TOO_LARGE = lazy_text(
    "“{name}” has {size} megapixels; a style may have up to {limit}. Choose a smaller version of it."
)
NOT_READABLE = lazy_text("“{name}” could not be read as an image ({why}). Choose another file.")
SOURCE_GONE = lazy_text("The image or layer chosen as the style is no longer there. Choose another one.")
REGION_ELSEWHERE = lazy_text(
    "The region “{region}” was taken from another image, or the size of the image has changed since. Choose the region "
    "again, or restyle without it."
)
REGION_EMPTY = lazy_text("The region “{region}” is empty. Choose another region, or paint something there.")
NO_REGION = lazy_text(
    "There is no channel or layer “{region}” in the image, and no such file. Give each region as the name of a channel "
    "or layer, or as the path of an image file."
)
KRITA_CANNOT_OPEN = lazy_text("Krita cannot open it either")
NO_BROWSER = lazy_text("No web browser was found to show the manual. It is in the file {path}.")
REGION_GONE = lazy_text("The channel or layer chosen as the region is no longer there. Choose another one.")
REGION_SIZE = lazy_text(
    "The region “{region}” is {width} × {height} px, but the image is {of_width} × {of_height} px. Use a region of the "
    "same size as the image."
)
NO_STYLE_TO_EXPLAIN = lazy_text("There is no style to show yet. Choose a style and restyle once, then try again.")
NOTHING_TO_PASTE = lazy_text("There is no image on the clipboard. Copy one, or the address of one, first.")
NO_CONVERSION = lazy_text(
    "The colours could not be converted to {space}. Convert the layer to RGB, then restyle again."
)
CLOSED_BEFORE_READ = lazy_text("The image was closed before it was read. Open it and restyle again.")
IMAGE_CLOSED = lazy_text("The image has been closed. The result can be opened as a new image.")
LAYER_DELETED = lazy_text("The layer has been deleted. The result can be opened as a new image.")
LAYER_SCALED = lazy_text(
    "The layer or the canvas was scaled or transformed during the restyle, so the result no longer fits."
)
CAN_BE_OPENED = lazy_text("It can be opened as a new image.")
NOT_INSERTED = lazy_text("The result could not be inserted above “{layer}”. Unlock its layer group and restyle again.")
REPLACED = lazy_text("Cancelled: a newer restyle of the same layer replaced this one.")
UNEXPECTED = lazy_text("An unexpected error occurred: {what}. Please send us the report.")
NOTHING_TO_REPEAT = lazy_text(
    "Nothing has been restyled yet. Restyle once from the window; this command then repeats it."
)
SANDBOXED = lazy_text(
    "No daemon is running, and this editor runs in a sandbox that cannot start one. Run this in a terminal: {command}"
)
SANDBOXED_SNAP = lazy_text(
    "This editor is a Snap, which cannot start a daemon and cannot see the one that other programs use. Run this in a "
    "terminal to start one for it: {command}"
)
SANDBOX_HIDES_FILES = lazy_text(
    "This editor runs in a sandbox that hides Velatura's folders, so it cannot find the daemon. Run this in a "
    "terminal, then restart the editor: {command}"
)
SANDBOX_OFFLINE = lazy_text(
    "The daemon is running, but this editor runs in a sandbox without network access, which it needs to reach the "
    "daemon on this computer. Run this in a terminal, then restart the editor: {command}"
)


# --- the set-up ----------------------------------------------------------------------------------------
SET_UP_TITLE, SET_UP_MENU = _("Set up Velatura"), _("Set-up…")
SET_UP, TRY_AGAIN, COPY_LOG = _("Set up Velatura"), _("Try again"), _("Copy log")
UPDATE, NOT_NOW, REPAIR, REMOVE, REMOVE_NOW, KEEP = (
    pgettext("button", "Update"),
    pgettext("button", "Not now"),
    pgettext("button", "Repair"),
    pgettext("button", "Remove…"),
    pgettext("button", "Remove"),
    pgettext("button", "Keep"),
)
SET_UP_TIPS: dict[str, str] = {
    SET_UP: _("Downloads and installs it into your own folders; nothing else is changed."),
    CANCEL: _("Stops the set-up. Downloaded files are kept."),
    TRY_AGAIN: _("Continues where it stopped."),
    COPY_LOG: _("Copies the log of the set-up, to send or to search."),
    UPDATE: _("Installs the version that this plugin comes with."),
    NOT_NOW: _("Uses the version that is installed, and asks again the next time."),
    REPAIR: _("Installs everything again."),
    REMOVE: _("Asks first, then deletes what the set-up has installed."),
    REMOVE_NOW: _("Deletes what the set-up has installed."),
    KEEP: _("Deletes nothing."),
}
SET_UP_INTERACTIVE_ONLY = lazy_text("This command only opens a window. In a terminal, use 'velatura setup'.")
REMOVE_QUESTION = _("Remove the background program? This deletes {size} in {folder}. You can set it up again later.")
LOOKING = _("Checking this machine…")
SET_UP_OFFER = _("Velatura needs a background program, which is not installed yet.")
SET_UP_RESUME = _("The set-up was interrupted. It continues where it stopped.")
UPDATE_OFFER = _("This plugin comes with another version of the background program: {version}.")
REPAIR_OFFER = _("The background program no longer works and has to be installed again.")
SET_UP_PLAN = _("{build}: about {size} of disk space, in {folder}. It uses {python}.")
SET_UP_PLAN_DOWNLOAD = _(
    "{build}: about {download} to download, about {size} of disk space, in {folder}. It uses {python}."
)
SET_UP_STEP = _("Step {number} of {of}: {what}…")
DOWNLOADED, DOWNLOADED_OF = _("{done} downloaded"), _("{done} of about {total} downloaded")
STOPPING_SET_UP = _("Stopping…")
SET_UP_DONE = _("Velatura {version} is set up.")
SET_UP_READY = _("Velatura {version} is set up, with PyTorch {torch}: {size} in {folder}.")
REMOVING, REMOVED_SET_UP = (
    _("Removing…"),
    _("Velatura was removed. The plugin, your presets and your results are still there."),
)


def data_size(count: int) -> str:
    """A number of bytes, e.g. '2.6 GB' or '340 MB'."""
    return _("{size:.1f} GB").format(size=count / 1e9) if count >= 1e9 else _("{size:.0f} MB").format(size=count / 1e6)


def choice_name(value: str) -> str:
    """A value of a setting as a window shows it, e.g. 'Draft'."""
    return CHOICE_NAMES.get(value, value.capitalize())


def choice_label(value: str, meaning: str) -> str:
    """One choice of a setting as a window shows it, e.g. 'Draft: fast preview'."""
    return _("{choice}: {meaning}").format(choice=choice_name(value), meaning=meaning)


def setting_value(settings: StyleSettings, name: str) -> str:
    """A setting with its value, e.g. 'Strength 55 %' or 'Quality: Draft'."""
    spec, value = setting_specs()[name], getattr(settings, name)
    if not isinstance(value, (int, float)):
        return _("{setting}: {choice}").format(setting=spec.label, choice=choice_name(value))
    text = {"%": _("{setting} {value:g} %"), "×": _("{setting} {value:g} ×")}.get(spec.unit, _("{setting} {value:g}"))
    return text.format(setting=spec.label, value=value)


def time_left(seconds: float) -> str:
    """The remaining time in words; empty if it is unknown (seconds < 0)."""
    if seconds < 0:
        return ""
    if seconds < 1:
        return _("a moment left")
    if seconds < 90:
        return _("{seconds:.0f} s left").format(seconds=seconds)
    return _("{minutes:.0f} min left").format(minutes=seconds / 60)


def progress(event: p.Progress) -> str:
    """One line that describes how far a job is."""
    scale = WORKING.format(level=event.level + 1, levels=event.levels, width=event.width, height=event.height)
    left = time_left(event.seconds_left)
    return f"{scale} · {left}" if left else scale


def waiting(place: int) -> str:
    """How many restyles come before this one, as a message."""
    return lazy_plural("Waiting for {count} other restyle…", "Waiting for {count} other restyles…", place)


def result_name(styles: Sequence[str], settings: StyleSettings) -> str:
    """The name of a result's layer: the names of its styles, and the strength if that has an effect."""
    names = " + ".join(shown_style(name) for name in styles if name) or STYLE
    # Translators: the name of a result's layer: its styles and the strength.
    text = _("{names} {strength:g} %")
    return names if settings.strength_is_locked else text.format(names=names, strength=settings.strength)


def style_name(stem: str) -> str:
    """A style's name, from the name of its file: 'night_swirls' becomes 'Night swirls'. It is stored; see
    `shown_style`."""
    name = stem.replace("_", " ").strip() or "Style"  # not translated: a stored name, see STYLE_NAMES
    return name[:1].upper() + name[1:]


def style_text(name: str) -> str:
    """A style's name in a message; the names of our sample paintings can be translated."""
    return STYLE_NAMES.get(name or "Style", name)  # not translated: a key


def shown_style(name: str) -> str:
    """A style's name as a window shows it."""
    shown: str = translated(style_text(name))
    return shown


def shown_preset(name: str, *, ours: bool) -> str:
    """A preset's name as a window shows it. ours: it came with Velatura."""
    shown: str = translated(OUR_PRESETS.get(name, name)) if ours else name
    return shown


def zoom_percent(zoom: float) -> str:
    """A zoom as a window shows it: '100 %', or '4.2 %' for a very small one."""
    return (_("{percent:.1f} %") if zoom < 0.095 else _("{percent:.0f} %")).format(percent=100 * zoom)


def listed(names: Iterable[str]) -> str:
    """Names in quotation marks, with commas; for messages."""
    return lazy_list([lazy_text("“{name}”", name=name) for name in names])


def share(value: float) -> str:
    """The share of a style, 0 to 1, as a window shows it."""
    return _("{percent:.0f} %").format(percent=100 * value)


def recoverable_results(count: int) -> str:
    """How many results can be recovered, as a sentence; empty if there are none."""
    return (
        ngettext(
            "A result of an earlier restyle can be recovered.",
            "{count} results of earlier restyles can be recovered.",
            count,
        )
        if count
        else ""
    )


def short_date(at: float, now: float) -> str:
    """A time as a short date: 'today 14:32', 'yesterday 9:05', '3 Mar 2026'. at, now: seconds since 1970."""
    then, today = time.localtime(at), time.localtime(now)
    days = (_day(today) - _day(then)) if at <= now else -1
    if days in (0, 1):
        text = (_("today {hour}:{minute:02}"), _("yesterday {hour}:{minute:02}"))[days]
        return text.format(hour=then.tm_hour, minute=then.tm_min)
    month = MONTHS[then.tm_mon - 1]
    # Translators: {month} is the short name of the month; {number} is its number and may be used instead.
    return _("{day} {month} {year}").format(day=then.tm_mday, month=month, number=then.tm_mon, year=then.tm_year)


def _day(date: time.struct_time) -> int:
    """The ordinal of a date, so that two dates can be subtracted."""
    return datetime.date(date.tm_year, date.tm_mon, date.tm_mday).toordinal()


def duration(seconds: float) -> str:
    """How long a restyle took."""
    return _("took {seconds:.0f} s").format(seconds=seconds) if seconds >= 1 else _("took under 1 s")


def preset_summary(settings: StyleSettings) -> str:
    """The strength, the quality, and every setting that differs from its default."""
    strength = [] if settings.strength_is_locked else [setting_value(settings, "strength")]
    return _joined([*strength, *_summary(settings)])


def settings_summary(settings: StyleSettings) -> str:
    """The quality, and every setting that differs from its default. The strength is in the result's name already."""
    return _joined(_summary(settings))


def _joined(parts: Sequence[str]) -> str:
    joined: str = translated(lazy_list(parts))
    return joined


def _summary(settings: StyleSettings) -> list[str]:
    """As in `settings_summary`, e.g. 'Good', 'Stroke size 2 ×', 'Keep colours: Palette', 'Seamless'."""
    parts = [choice_name(settings.quality)]
    for name, spec in setting_specs().items():
        value = getattr(settings, name)
        shown_elsewhere = name in ("strength", "quality", "composite")
        set_by_paper = settings.quality == "paper" and name in SET_BY_PAPER
        if not (shown_elsewhere or set_by_paper or value == default_of(name)):
            parts.append(translated(spec.label) if value is True else setting_value(settings, name))
    return parts


# --- animations ----------------------------------------------------------------------------------------
FRAMES, FRAMES_TIP = _("Frames"), _("Which frames of the animation to restyle. Held frames stay held.")
FRAMES_THIS, FRAMES_ALL, FRAMES_RANGE = _("This frame"), _("All frames"), _("A range of frames")
LAYERS_TIP = _(
    "Which layers to restyle as the frames of an animation, from the bottom to the top. They become a new image."
)
LAYERS_THIS, LAYERS_ALL, LAYERS_RANGE = _("This layer"), _("All layers as frames"), _("A range of layers as frames")
FRAMES_FIRST, FRAMES_LAST = _("First frame"), _("Last frame")
# Translators: between the numbers of the first and the last frame of a range.
FRAMES_TO = pgettext("range of frames", "to")
FRAMES_TARGET = lazy_text("{target} · {count} frames")
# Translators: {message} is what is being done for this frame, for example how long it will take.
FRAME_MESSAGE = lazy_text("Frame {number} of {count} · {message}")
FRAMES_SETTINGS_LATER = lazy_text("{message} · changed settings apply to the next restyle")
FRAMES_KEPT = lazy_text("Stopped: “{name}” has {done} of {count} frames.")
NO_FRAMES = lazy_text("There are no frames in this range. Choose another range.")
NO_KEYFRAMES = lazy_text(
    "Krita could not make the frames of the result. Merge the animated layers of the group into one, and restyle that."
)


def film_done(name: str, count: int, seconds: float) -> str:
    """The message about a finished animation. name: of the new layer. count: how many frames were restyled."""
    return lazy_plural(
        "Done in {seconds:.0f} s: new layer “{name}” with {count} restyled frame.",
        "Done in {seconds:.0f} s: new layer “{name}” with {count} restyled frames.",
        count,
        name=name,
        seconds=seconds,
    )
