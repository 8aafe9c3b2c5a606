"""What the commands share: options, progress output, the connection to the daemon."""
