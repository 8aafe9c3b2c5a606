"""Motion between the frames of a film: optical flow, where it can be trusted, and what a frame has to follow."""
