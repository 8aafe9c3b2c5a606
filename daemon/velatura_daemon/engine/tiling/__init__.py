"""Evaluating losses and gradients, in one piece or in tiles."""
