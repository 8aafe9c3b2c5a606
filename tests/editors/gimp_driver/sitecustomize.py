"""In every Python that the tests' GIMP starts: in our plug-in, while it runs a command, a line for the tests is opened.

The plug-in itself knows nothing of it; its own event loop answers.
"""

import os
import sys

if any(argument.endswith("velatura_gimp.py") for argument in sys.orig_argv) and "-run" in sys.orig_argv:
    import faulthandler

    import dialog_hands
    from answering import Answering, is_answered
    from gi.repository import GLib

    faulthandler.enable()
    if not is_answered(os.environ["VELATURA_DIALOG"]):  # a command without a dialog may run beside the dialog
        answering = Answering(os.environ["VELATURA_DIALOG"], vars(dialog_hands))
        GLib.io_add_watch(answering.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, answering.answer)
