"""Our policies inside other people's evaluations; each home is imported by its own module."""
