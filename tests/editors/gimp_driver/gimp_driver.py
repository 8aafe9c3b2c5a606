#!/usr/bin/env python3
"""An extension for the tests: GIMP starts it at its own start, and it runs the code that the tests send."""

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
        import gimp_steps
        from code_server import CodeServer

        procedure.persistent_ready()
        self.persistent_enable()
        names = {name: getattr(gimp_steps, name) for name in dir(gimp_steps) if not name.startswith("_")}
        server = CodeServer(os.environ["VELATURA_DRIVER"], names)
        GLib.io_add_watch(server.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, server.serve)
        GLib.MainLoop().run()


Gimp.main(Driver.__gtype__, sys.argv)
