"""Faults that are made on purpose, and what is left of a run afterwards."""
