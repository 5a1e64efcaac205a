"""The file that labels are written to: JSON lines that a stopped run leaves whole or can mend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from benchmarks.evaluation.limits import KINDS
from benchmarks.labelling.labels import LABELS, Label, Labelled, Tally
from vt_env import ConfigError, DataError


class LabelFile:
    """Labels in a file, read at the start and appended to.

    Args:
        path: The file; made when it is not there.
        settings: What the labels depend on; kept in every line.

    Raises:
        ConfigError: If the file holds labels that were made with other settings.
        DataError: If a line other than a last, unfinished one cannot be read.
    """

    def __init__(self, path: Path, settings: Mapping[str, object]) -> None:
        self._path = path
        self._settings: dict[str, object] = json.loads(json.dumps(settings))
        self.samples: list[Labelled] = []
        if path.is_file():
            self._read()

    def append(self, samples: Sequence[Labelled]) -> None:
        """Writes labels to the end of the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(
            json.dumps({**asdict(sample), "settings": self._settings}) + "\n" for sample in samples
        )
        with self._path.open("a", encoding="utf-8") as file:
            file.write(lines)
        self.samples += samples

    def _read(self) -> None:
        """Reads whole lines; what a killed run left of its last line is cut off."""
        whole = 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                if line.strip():
                    self.samples.append(self._sample(line, number))
        if whole < self._path.stat().st_size:
            with self._path.open("r+b") as file:
                file.truncate(whole)

    def _sample(self, line: bytes, number: int) -> Labelled:
        try:
            row = json.loads(line)
            settings = row["settings"]
            sample = _labelled(row)
        except (ValueError, TypeError, KeyError) as error:
            problem = f"is no label of `visionthink data label` ({error!r}); choose another --out."
            raise DataError(str(self._path), number, None, problem) from error
        self._check(settings)
        return sample

    def _check(self, settings: dict[str, object]) -> None:
        for name in sorted({*settings, *self._settings}):
            before, now = settings.get(name), self._settings.get(name)
            if before != now:
                raise ConfigError(
                    f"{self._path} holds labels made with {name} {before!r}, not {now!r}; choose "
                    "another --out, or the settings of before."
                )


def _labelled(row: Mapping[str, Any]) -> Labelled:
    if row["label"] not in LABELS:
        raise ValueError(f"label {row['label']!r}")
    return Labelled(
        sample_id=str(row["sample_id"]),
        family=str(row["family"]),
        needs_high_res=row["needs_high_res"],
        low=Tally(**row["low"]),
        high=Tally(**row["high"]),
        label=cast(Label, row["label"]),
        limits={kind: int(row["limits"][kind]) for kind in KINDS},
    )
