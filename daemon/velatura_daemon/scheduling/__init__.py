"""Which job runs next and on which worker. No sockets, no torch."""
