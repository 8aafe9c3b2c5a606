"""Looks up names in the given Qt through the plugin's `qt` module, and prints those that it lacks as JSON.

argv: the Qt; dotted names, such as Qt.AlignmentFlag.AlignLeft.
"""

import importlib
import json
import sys

importlib.import_module(f"{sys.argv[1]}.QtWidgets")
from velatura_krita import qt  # noqa: E402

missing = []
for line in sys.argv[2:]:
    found = qt
    for part in line.split("."):
        found = getattr(found, part, None)
    if found is None:
        missing.append(line)
print(json.dumps(missing))
