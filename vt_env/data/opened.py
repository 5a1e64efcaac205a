"""`OpenedDataset`: a dataset that is opened once a process, however many environments play it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vt_env.data.load import load_dataset
from vt_env.samples import Dataset, Sample


class OpenedDataset:
    """A dataset by its name, opened when it is first looked at.

    Opening a file reads and checks every row of it and looks at every image, so that is done once.
    Copies of this object share what was opened. A pickled one holds the name and the settings
    alone, and opens the data anew where it is unpickled: so a checkpoint does not hold the data.

    Args:
        data: As for `load_dataset`.
        **settings: Settings of the dataset.

    Raises:
        VisionThinkError: As `load_dataset` does, when it is first looked at.
    """

    def __init__(self, data: str | Path, **settings: Any) -> None:
        self.data, self.settings = data, settings
        self._dataset: Dataset | None = None

    def open(self) -> Dataset:
        """The dataset itself."""
        if self._dataset is None:
            self._dataset = load_dataset(self.data, **self.settings)
        return self._dataset

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.open().name

    def __len__(self) -> int:
        return len(self.open())

    def __getitem__(self, index: int) -> Sample:
        return self.open()[index]

    def __getattr__(self, name: str) -> Any:
        """What a dataset may have besides, such as ``index_of`` and ``image_size``."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.open(), name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OpenedDataset):
            return NotImplemented
        return (str(self.data), self.settings) == (str(other.data), other.settings)

    def __hash__(self) -> int:
        return hash(str(self.data))

    def __copy__(self) -> OpenedDataset:
        return self

    def __deepcopy__(self, memo: Mapping[int, Any]) -> OpenedDataset:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.data, self.settings)

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"OpenedDataset({str(self.data)!r}{given})"


def _reopened(data: str | Path, settings: dict[str, Any]) -> OpenedDataset:
    return OpenedDataset(data, **settings)
