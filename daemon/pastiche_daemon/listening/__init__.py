"""Where the daemon is spoken to: entrances, and the peers that come through them."""
