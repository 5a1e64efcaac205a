"""The doctor: names a collapse under way, and what makes one likely before training."""
