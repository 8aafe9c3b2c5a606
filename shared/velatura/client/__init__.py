"""The client of the daemon: finds or starts it, connects to it, and turns its messages into events."""
