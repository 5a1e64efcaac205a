"""A policy measured: beside baselines, on its own, and what limits did to the measurement."""
