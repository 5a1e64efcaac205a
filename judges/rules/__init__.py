"""How an answer is decided by rules alone: one file a reading."""
