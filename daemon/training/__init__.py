"""How the embedded weights are made: pictures from a generator, a network that tells their styles apart, a file.

Not part of what is installed: `python -m training` in a checkout, or `make train-embedded`.
"""
