"""The network's weights: which ones exist, reading and checking them, downloading, calibration."""
