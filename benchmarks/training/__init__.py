"""A training run: its settings, its folder, its course."""
