"""Errors of the policies, engines and the trainer.

VisionThinkError
├── AlignmentError      image placeholders and image features do not match
├── BackendError        an engine cannot be started or used
├── CheckpointError     a checkpoint of a training is not whole
└── TrainingError       training cannot start or go on
"""

from vt_env import VisionThinkError


class AlignmentError(VisionThinkError):
    """Token stream and images disagree; training on it would be silently wrong."""


class BackendError(VisionThinkError):
    """A generation engine cannot be started, or was asked for what it cannot do."""


class CheckpointError(VisionThinkError):
    """A checkpoint of a training is not whole, or not the one that it is taken for."""


class TrainingError(VisionThinkError):
    """Training cannot start or go on with these settings or this data."""
