"""Installing the plugins into the editors, and checking installed ones."""
