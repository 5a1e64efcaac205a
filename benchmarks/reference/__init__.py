"""Reference curves: what runs of shipped settings came to, seed by seed, to compare others with."""

from benchmarks.reference.format import Made, Reference, read_reference, reference_names, shipped

__all__ = ["Made", "Reference", "read_reference", "reference_names", "shipped"]
