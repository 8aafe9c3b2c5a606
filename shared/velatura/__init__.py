"""Velatura's common tongue: what the daemon, the command line and the editors' plugins all speak.

Python 3.10 up, stdlib, msgpack and pyzmq only: it is imported inside editors.
"""

__version__ = "0.1.0"
