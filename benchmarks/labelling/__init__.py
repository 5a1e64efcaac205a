"""Need for resolution, told by rollouts at both resolutions."""
