"""Restyling a film, numbered frames or an animated picture through the daemon: reading and writing frames with their
timing, finding cuts, and restyling each shot frame after frame."""
