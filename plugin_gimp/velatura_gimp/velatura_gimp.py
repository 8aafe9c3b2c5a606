#!/usr/bin/env python3
"""The four commands under Filters ▸ Artistic. GIMP starts this file anew for each, and once to ask what there is.

Nothing but the standard library and gi is imported at the top: where the rest cannot be loaded, the commands are there
all the same and say why.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

try:
    import gi

    gi.require_version("Gimp", "3.0")
    from gi.repository import Gimp, GLib
except (ImportError, ValueError) as error:
    sys.exit(f"Velatura needs GIMP 3 and its Python; GIMP 2.10 is not served. ({error})")

COMMANDS = {  # procedure → words, what it does, how it is described
    "plug-in-velatura-restyle": ("Rest_yle with Velatura…", "restyle", "describe_restyle"),
    "plug-in-velatura-restyle-again": ("Restyle aga_in", "restyle_again", "describe_again"),
    "plug-in-velatura-explain": ("See what the networ_k sees…", "explain", "describe_explain"),
    "plug-in-velatura-results": ("Results an_d history…", "results", "describe_results"),
}
WITHOUT_A_PICTURE = ("plug-in-velatura-results",)
BROKEN = "Velatura could not be loaded into this GIMP. Run 'velatura install gimp' in a terminal, and start GIMP anew."


def _ours(name: str) -> Any:
    """A module of the package that this file lies in: found in its folder's parent, which is looked at for no other."""
    parent = str(Path(__file__).resolve().parents[1])
    sys.path.insert(0, parent)
    try:
        return importlib.import_module(f"velatura_gimp.{name}")
    finally:
        sys.path.remove(parent)


class VelaturaGimp(Gimp.PlugIn):
    """What GIMP asks about, and runs."""

    def do_set_i18n(self, _: str) -> bool:
        return False

    def do_query_procedures(self) -> list[str]:
        return list(COMMANDS)

    def do_create_procedure(self, name: str) -> Any:
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, _run, None)
        words, _, describe = COMMANDS[name]
        procedure.set_menu_label(words)
        procedure.add_menu_path("<Image>/Filters/Artistic")
        procedure.set_image_types("RGB*, GRAY*, INDEXED*")
        needs = Gimp.ProcedureSensitivityMask
        procedure.set_sensitivity_mask(needs.ALWAYS if name in WITHOUT_A_PICTURE else needs.DRAWABLE)
        procedure.set_attribution("The Velatura authors", "MIT licence", "2026")
        try:
            getattr(_ours("arguments"), describe)(procedure)
        except Exception:
            procedure.set_documentation(BROKEN, traceback.format_exc(), None)
        return procedure


def _run(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], config: Any, _: Any) -> Any:
    try:
        commands = _ours("commands")
    except Exception:
        why = f"{BROKEN}\n\nGIMP {Gimp.version()}, Python {sys.version}\n{traceback.format_exc()}"
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(why))
    command = getattr(commands, COMMANDS[procedure.get_name()][1])
    return command(procedure, run_mode, image, drawables, config)


if __name__ == "__main__":
    Gimp.main(VelaturaGimp.__gtype__, sys.argv)
