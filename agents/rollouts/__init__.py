"""Episodes played by an engine, and what is recorded of them."""
