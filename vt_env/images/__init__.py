"""Where pixels come from, how large the views are, and what is refused."""
