"""Words that several families share; few enough for a tiny model to learn."""

ITEMS = ("Tea", "Milk", "Rice", "Soap", "Cake", "Fish")
"""Goods: rows of a receipt, shop signs, bars of a chart. They differ at a glance."""
SIDES = ("left", "right", "top", "bottom")
