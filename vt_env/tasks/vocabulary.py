"""Words that several families share; few enough for a tiny model to learn."""

ITEMS = ("Tea", "Milk", "Rice", "Soap", "Cake", "Fish")
"""Goods: rows of a receipt, shop signs, bars of a chart. They differ at a glance."""
SIDES = ("left", "right", "top", "bottom")
THINGS = (
    *("bar", "slice", "line", "title"),
    *("display", "panel", "hand", "needle", "knob", "column"),
    *("stamp", "banner", "tick", "box"),
    *("house", "shop", "door", "shutter", "car", "bus", "light"),
    *("circle", "square", "triangle", "star", "cross"),
    *("cloth", "field", "road", "river", "lake", "marker"),
)
"""What questions are about: told to the tiny model's tower while it learns, by `Sheet.mark`."""
