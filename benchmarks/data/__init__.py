"""Datasets looked at and written: preview, export, sources."""
