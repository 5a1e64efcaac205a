"""A package of somebody else's: it adds one of each kind, and touches nothing of ours."""

from acme_vision import data, engine, learning, rewards, scoring

__all__ = ["data", "engine", "learning", "rewards", "scoring"]
