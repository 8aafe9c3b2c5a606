"""GIMP's own language, which the plug-in speaks too.

GIMP starts its plug-ins with the language chosen in its preferences as LANGUAGE and LANG; on Windows also with that of
the system (app/language.c). So the environment has GIMP's choice, which is what `velatura.i18n` goes by.
"""

from velatura.i18n import _

__all__ = ["_"]
