"""A package of somebody else's: it adds one of each kind, and touches nothing of ours."""

from acme_vision import data, engine, formats, learning, looking, rewards, scoring, showing, world

__all__ = [
    "data",
    "engine",
    "formats",
    "learning",
    "looking",
    "rewards",
    "scoring",
    "showing",
    "world",
]
