"""Where text comes from: one protocol, several engines."""
