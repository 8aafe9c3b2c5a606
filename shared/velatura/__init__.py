"""Code shared by the daemon, the command line and the editor plugins.

It is imported inside editors, so it needs only Python 3.10 or later, the standard library, msgpack and pyzmq.
"""

__version__ = "0.9.0"
