"""Settings: what a value may be, one definition each, nested into trees."""
