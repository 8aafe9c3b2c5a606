"""Runs under kritarunner: Krita's own plugin importer installs our zip."""

import json
import os
import sys
import traceback


def import_zip(arguments):
    zip_path, resources, out = arguments
    os.makedirs(resources)
    result = {}
    try:
        sys.path.insert(0, "/usr/share/krita/pykrita/plugin_importer")
        from plugin_importer import PluginImporter

        result["imported"] = [p["name"] for p in PluginImporter(zip_path, resources, lambda plugin: True).import_all()]
    except BaseException:
        result["error"] = traceback.format_exc()
    with open(out, "w") as file:
        json.dump(result, file)
