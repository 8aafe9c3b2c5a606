"""One restyle inside the daemon: its data and its validation."""
