"""The daemon: a front that talks, a worker that paints, the engine it paints with, and the command line."""
