"""What the commands share: options, progress output, connecting to the daemon."""
