"""The ``visionthink`` command."""
