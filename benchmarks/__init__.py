"""Experiments, the command line, the pictures."""
