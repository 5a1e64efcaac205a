"""Wrappers for `VisionThinkEnv`: images of one size, and episodes written to disk."""

from vt_env.wrappers.fixed_size import FixedSizeImage
from vt_env.wrappers.record import RecordTrajectories

__all__ = ["FixedSizeImage", "RecordTrajectories"]
