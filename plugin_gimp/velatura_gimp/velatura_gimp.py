#!/usr/bin/env python3
"""The commands under Filters ▸ Velatura. GIMP runs this file for each command, and once to query the commands.

Only the standard library and gi have to be importable at the top: if the rest cannot be imported, the commands exist
and report the error.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any


def _import(name: str) -> Any:
    """Imports a module of the package in this folder. The folder's parent is only on the path meanwhile."""
    parent = str(Path(__file__).resolve().parents[1])
    sys.path.insert(0, parent)
    try:
        return importlib.import_module(f"velatura_gimp.{name}")
    finally:
        sys.path.remove(parent)


def _find_translation() -> Any:
    """The function that translates a text to GIMP's language; English if not even that can be imported."""
    try:
        return _import("language")._
    except Exception:
        return str


_ = _find_translation()

try:
    import gi

    gi.require_version("Gimp", "3.0")
    from gi.repository import Gimp, GLib
except (ImportError, ValueError) as error:
    sys.exit(_("Velatura needs GIMP 3 and its Python; GIMP 2.10 is not supported. ({error})").format(error=error))

# GIMP does not translate these itself: it stores what the plug-in answers, and asks again if its language has changed.
COMMANDS = {  # procedure → menu label, function in commands.py, function in arguments.py
    # Translators: of these seven entries of a menu, each needs a _ before another letter: its key.
    "plug-in-velatura-restyle": (_("Rest_yle…"), "restyle", "describe_restyle"),
    "plug-in-velatura-restyle-again": (_("Restyle aga_in"), "restyle_again", "describe_again"),
    "plug-in-velatura-edit": (_("_Edit this restyle…"), "edit", "describe_edit"),
    "plug-in-velatura-explain": (_("See what the networ_k sees…"), "explain", "describe_explain"),
    "plug-in-velatura-results": (_("Results an_d history…"), "results", "describe_results"),
    "plug-in-velatura-setup": (_("_Set-up…"), "set_up", "describe_setup"),
    "plug-in-velatura-help": (_("_Help"), "open_help", "describe_help"),
}
WITHOUT_IMAGE = ("plug-in-velatura-results", "plug-in-velatura-setup", "plug-in-velatura-help")
MENU = "<Image>/Filters/Velatura"  # the path is the same in every language, and the last part a name
IMPORT_ERROR = _(
    "The Velatura plug-in could not be loaded. Run 'velatura install gimp' in a terminal, then restart GIMP."
)


class VelaturaGimp(Gimp.PlugIn):
    """The plug-in as GIMP sees it."""

    def do_set_i18n(self, _: str) -> bool:
        """Not by GIMP: the plug-in has catalogues of its own."""
        return False

    def do_query_procedures(self) -> list[str]:
        return list(COMMANDS)

    def do_create_procedure(self, name: str) -> Any:
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, _run, None)
        label, _, describe = COMMANDS[name]
        procedure.set_menu_label(label)
        procedure.add_menu_path(MENU)
        procedure.set_image_types("RGB*, GRAY*, INDEXED*")
        mask = Gimp.ProcedureSensitivityMask
        procedure.set_sensitivity_mask(mask.ALWAYS if name in WITHOUT_IMAGE else mask.DRAWABLE)
        procedure.set_attribution("The Velatura authors", "MIT licence", "2026")  # not translated: as in the licence
        try:
            getattr(_import("arguments"), describe)(procedure)
        except Exception:
            procedure.set_documentation(IMPORT_ERROR, traceback.format_exc(), None)
        return procedure


def _run(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], config: Any, _: Any) -> Any:
    try:
        commands = _import("commands")
    except Exception:
        text = f"{IMPORT_ERROR}\n\nGIMP {Gimp.version()}, Python {sys.version}\n{traceback.format_exc()}"
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(text))
    command = getattr(commands, COMMANDS[procedure.get_name()][1])
    return command(procedure, run_mode, image, drawables, config)


if __name__ == "__main__":
    Gimp.main(VelaturaGimp.__gtype__, sys.argv)
