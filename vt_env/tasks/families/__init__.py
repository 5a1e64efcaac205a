"""The families of the embedded world, one a file."""
