"""The paper's figures and tables, made again on the embedded world, its own numbers beside ours."""

from benchmarks.paper.items import ITEMS, Item

__all__ = ["ITEMS", "Item"]
