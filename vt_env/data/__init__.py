"""Rows of any schema and format, checked and turned into samples."""
