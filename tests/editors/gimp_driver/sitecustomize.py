"""Loaded by every Python that GIMP starts in these tests: opens a code server in our plug-in while it runs a command.

The plug-in needs no change for that; its own event loop serves the requests.
"""

import os
import sys

if any(argument.endswith("velatura_gimp.py") for argument in sys.orig_argv) and "-run" in sys.orig_argv:
    import faulthandler

    import dialog_steps
    from code_server import CodeServer, is_listening
    from gi.repository import GLib

    faulthandler.enable()
    if not is_listening(os.environ["VELATURA_DIALOG"]):  # a command without a dialog may run beside the dialog
        server = CodeServer(os.environ["VELATURA_DIALOG"], vars(dialog_steps))
        GLib.io_add_watch(server.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, server.serve)
