"""The daemon's sockets, sessions and event loop. No torch."""
