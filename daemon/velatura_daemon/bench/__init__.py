"""How fast this machine does it: the plain way and ours, side by side."""
