"""What papers print, as data: VisionThink's tables and figures, and those of later systems."""

from benchmarks.published.read import Figure, published, published_names, read_figures

__all__ = ["Figure", "published", "published_names", "read_figures"]
