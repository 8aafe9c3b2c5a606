"""The client: finds or starts the daemon, connects to it and turns its messages into events."""
