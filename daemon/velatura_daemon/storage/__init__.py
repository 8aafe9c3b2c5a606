"""The daemon's files: pictures, results, checkpoints, warm starts, history."""
