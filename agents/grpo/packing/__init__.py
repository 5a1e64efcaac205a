"""Groups of trajectories as model inputs: prefix trees or padded rows."""
