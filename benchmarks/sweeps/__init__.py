"""Sweeps: settings compared over seeds, on Ray Tune."""

from benchmarks.sweeps.catalogue import SWEEPS
from benchmarks.sweeps.catalogue.definitions import Point, Sweep, Trial, trials

__all__ = ["SWEEPS", "Point", "Sweep", "Trial", "trials"]
