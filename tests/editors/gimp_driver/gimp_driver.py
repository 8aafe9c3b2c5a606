#!/usr/bin/env python3
"""Inside GIMP, for the tests alone: an extension that GIMP starts with itself and that runs what the tests send."""

from __future__ import annotations

import os
import sys

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GLib  # noqa: E402

NAME = "plug-in-velatura-test-driver"


class Driver(Gimp.PlugIn):
    def do_set_i18n(self, _):
        return False

    def do_query_procedures(self):
        return [NAME]

    def do_create_procedure(self, name):
        procedure = Gimp.Procedure.new(self, name, Gimp.PDBProcType.PERSISTENT, self.listen, None)
        procedure.set_documentation("For tests", "", None)
        return procedure

    def listen(self, procedure, *_):
        import gimp_hands
        from answering import Answering

        procedure.persistent_ready()
        self.persistent_enable()
        names = {name: getattr(gimp_hands, name) for name in dir(gimp_hands) if not name.startswith("_")}
        answering = Answering(os.environ["VELATURA_DRIVER"], names)
        GLib.io_add_watch(answering.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, answering.answer)
        GLib.MainLoop().run()


Gimp.main(Driver.__gtype__, sys.argv)
