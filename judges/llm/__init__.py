"""A language model as judge: any OpenAI-compatible endpoint, asked and read with care."""
