"""The process that owns a device: loads the network, runs restyles, writes results and checkpoints."""
