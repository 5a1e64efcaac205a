"""Errors of the policies, engines and the trainer.

VisionThinkError
├── AlignmentError      image placeholders and image features do not match
├── BackendError        an engine cannot be started or used
├── CheckpointError     a checkpoint of a training is not whole
└── TrainingError       training cannot start or go on
    └── ProcessEndedError   a process that it needs has ended

ForeignCheckpointWarning (a UserWarning) a checkpoint from elsewhere runs what is in it
"""

from pathlib import Path

from vt_env import VisionThinkError


class AlignmentError(VisionThinkError):
    """Token stream and images disagree; training on it would be silently wrong."""


class BackendError(VisionThinkError):
    """A generation engine cannot be started, or was asked for what it cannot do."""


class CheckpointError(VisionThinkError):
    """A checkpoint of a training is not whole, or not the one that it is taken for."""


class ForeignCheckpointWarning(UserWarning):
    """A checkpoint that this user did not write on this machine is read, which runs its pickles."""


class TrainingError(VisionThinkError):
    """Training cannot start or go on with these settings or this data."""


class ProcessEndedError(TrainingError):
    """A process that the training needs has ended: of a runner, of a learner, or Ray's own.

    Attributes:
        what: Which one, as in "env runner 2 (pid 811)".
        log: Its log, or the folder of all logs; None: nobody knows where that is.
        advice: What to do.
    """

    def __init__(self, what: str, log: Path | None = None, advice: str = "") -> None:
        super().__init__(what, log, advice)  # all of them, so that it can be pickled
        self.what, self.log, self.advice = what, log, advice

    def __str__(self) -> str:
        log = f" Its log: {self.log}." if self.log else ""
        return f"The process of {self.what} ended.{log} {self.advice}".rstrip()
