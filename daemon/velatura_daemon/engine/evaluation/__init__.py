"""How the loss and the gradient of an image are computed: plainly, recorded as a CUDA graph, or in tiles."""
