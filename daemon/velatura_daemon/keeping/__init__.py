"""What outlives the daemon: results that wait for their clients, restyles that were stopped midway, the history."""
