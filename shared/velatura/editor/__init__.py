"""What both editors share: windows' logic without a toolkit, from the click to the new layer."""
