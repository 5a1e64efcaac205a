"""A model or an agent behind an OpenAI-compatible chat endpoint on this machine."""
