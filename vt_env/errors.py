"""The error vocabulary of the environment.

    VisionThinkError
    ├── UnknownNameError        a name that is in no registry ("did you mean …?")
    ├── ConfigError             a setting that cannot work, named
    ├── ImageError              an image that cannot be read, or exceeds the limits
    ├── DataError               one bad row: file, line, field, problem
    └── DatasetError            every bad row of a dataset, listed

    LadderWarning               (a UserWarning) hardly any image can be asked for

What a *policy* does wrong is never an exception: it is a named outcome of the episode.
"""

from __future__ import annotations

from collections.abc import Sequence

from judges.errors import UnknownNameError, VisionThinkError


class ConfigError(VisionThinkError, ValueError):
    """A setting that cannot work; the message names the setting and the accepted range."""


class ImageError(VisionThinkError):
    """An image that is missing, unreadable, or larger than the limits allow."""


class LadderWarning(UserWarning):
    """Hardly any image has a higher resolution to ask for, so there is nothing to decide."""


class DataError(VisionThinkError):
    """One bad row of a dataset.

    Attributes:
        file: The dataset file, as the user named it.
        line: Line (or row) number, counted from 1; None when the whole file is meant.
        field: Column at fault; None when the whole row is.
        problem: What is wrong, and what was expected.
    """

    def __init__(self, file: str, line: int | None, field: str | None, problem: str) -> None:
        self.file, self.line, self.field, self.problem = file, line, field, problem
        where = file if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {f'field {field!r}: ' if field else ''}{problem}")

    def __reduce__(self) -> tuple[type[DataError], tuple[str, int | None, str | None, str]]:
        return DataError, (self.file, self.line, self.field, self.problem)


class DatasetError(VisionThinkError):
    """The bad rows of a dataset, all at once.

    Attributes:
        errors: One `DataError` a bad row, in file order; of very many bad rows the first found.
        rows: How many rows were read.
        bad: How many of them cannot be used, at least ``len(errors)``.
    """

    def __init__(self, errors: Sequence[DataError], rows: int, bad: int | None = None) -> None:
        self.errors, self.rows = tuple(errors), rows
        self.bad = len(self.errors) if bad is None else bad
        lines = "\n".join(f"  {error}" for error in self.errors)
        if self.bad > len(self.errors):
            more = self.bad - len(self.errors)
            lines += f"\n  … and {more} more; `visionthink data check` lists all of them."
        what = f"{self.bad} of {rows} rows" if rows else "The dataset"
        super().__init__(f"{what} cannot be used:\n{lines}")

    def __reduce__(self) -> tuple[type[DatasetError], tuple[tuple[DataError, ...], int, int]]:
        return DatasetError, (self.errors, self.rows, self.bad)


__all__ = [
    "ConfigError",
    "DataError",
    "DatasetError",
    "ImageError",
    "LadderWarning",
    "UnknownNameError",
    "VisionThinkError",
]
