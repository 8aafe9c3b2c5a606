"""Under kritarunner: Krita's own plugin importer takes our zip."""

import json
import os
import sys
import traceback


def take(arguments):
    zip_path, resources, out = arguments
    os.makedirs(resources)
    said = {}
    try:
        sys.path.insert(0, "/usr/share/krita/pykrita/plugin_importer")
        from plugin_importer import PluginImporter

        said["imported"] = [p["name"] for p in PluginImporter(zip_path, resources, lambda plugin: True).import_all()]
    except BaseException:
        said["error"] = traceback.format_exc()
    with open(out, "w") as file:
        json.dump(said, file)
