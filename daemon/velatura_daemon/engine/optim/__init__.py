"""Minimising the loss over the pixels."""
