"""A checkpoint and what it says of itself: loading, chat template, vision inputs."""
