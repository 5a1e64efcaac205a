"""The error vocabulary of the environment.

    VisionThinkError
    ├── ConfigError             a setting that cannot work, named
    │   ├── UnknownNameError    a name that is in no registry ("did you mean …?")
    │   ├── UnknownSettingError a setting that does not exist ("did you mean …?")
    │   └── (judges.errors has those of registries and plugins)
    ├── ImageError              an image that cannot be read, or exceeds the limits
    ├── DataError               one bad row: file, line, field, problem
    └── DatasetError            every bad row of a dataset, listed

    LadderWarning               (a UserWarning) hardly any image can be asked for

What a *policy* does wrong is never an exception: it is a named outcome of the episode.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from judges import (
    ConfigError,
    ParameterError,
    PluginError,
    RegistryError,
    UnknownNameError,
    VisionThinkError,
)


class UnknownSettingError(ConfigError):
    """A setting that none of those who were asked has; suggests the closest that they have.

    Attributes:
        setting: The setting as given.
        known: Whom it was offered to (``"Dataset 'world'"``), and the settings that they take.
        hint: A sentence that says where the setting belongs; empty for none.
    """

    def __init__(self, setting: str, known: Mapping[str, Iterable[str]], hint: str = "") -> None:
        self.setting, self.hint = setting, hint
        self.known = {who: tuple(names) for who, names in known.items()}
        names = [name for taken in self.known.values() for name in taken]
        close = difflib.get_close_matches(setting, names, n=1, cutoff=0.6)
        if close and not hint:
            hint = f"Did you mean {close[0]!r}?"
        taken = "; ".join(
            f"{who} takes {', '.join(t) or 'no settings'}" for who, t in self.known.items()
        )
        super().__init__(f"{taken}; not {setting!r}.{f' {hint}' if hint else ''}")

    def among(self, who: str, names: Iterable[str], hint: str = "") -> UnknownSettingError:
        """The same error with the settings of one more that was asked."""
        return UnknownSettingError(self.setting, {who: names, **self.known}, hint or self.hint)

    def __reduce__(
        self,
    ) -> tuple[type[UnknownSettingError], tuple[str, dict[str, tuple[str, ...]], str]]:
        return UnknownSettingError, (self.setting, self.known, self.hint)


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
    "ParameterError",
    "PluginError",
    "RegistryError",
    "UnknownNameError",
    "UnknownSettingError",
    "VisionThinkError",
]
