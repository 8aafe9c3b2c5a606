"""Putting the plugins into the editors, and looking whether they are there."""
