"""Benchmarks: plain PyTorch and Velatura's implementation side by side on this machine."""
