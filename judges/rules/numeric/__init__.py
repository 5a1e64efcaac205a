"""Numbers in answers: how they are written, what they measure, when two of them agree."""
