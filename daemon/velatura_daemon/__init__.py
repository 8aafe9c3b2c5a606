"""The daemon, the worker processes it starts, the style-transfer engine they run, and the command line."""
