"""Presets: named settings with a small picture, as files that Krita, GIMP and the command line share."""
