"""The file that labels are written to: JSON lines that a stopped run leaves whole or can mend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from benchmarks.evaluation.limits import KINDS
from benchmarks.labelling.labels import LABELS, Label, Labelled, Tally
from benchmarks.safety.disk import append_lines, write_whole
from vt_env import ConfigError, DataError

_START = b'{"sample_id": '
"""How each line begins."""
_NO_LABEL = "is no label of `visionthink data label`; choose another --out."


class LabelFile:
    """Labels in a file, read at the start and appended to.

    Args:
        path: The file; made when it is not there.
        settings: What the labels depend on; kept in every line.

    Raises:
        ConfigError: If the file holds labels that were made with other settings.
        DataError: If a line other than a last, unfinished one of ours cannot be read; the file is
            as it was.
    """

    def __init__(self, path: Path, settings: Mapping[str, object]) -> None:
        self._path = path
        self._settings: dict[str, object] = json.loads(json.dumps(settings))
        self.samples: list[Labelled] = []
        if path.is_file():
            self._read()

    def append(self, samples: Sequence[Labelled]) -> None:
        """Writes labels to the end of the file."""
        rows = ({**asdict(sample), "settings": self._settings} for sample in samples)
        append_lines(self._path, [json.dumps(row) + "\n" for row in rows])
        self.samples += samples

    def _read(self) -> None:
        """Reads whole lines; what a killed run left of its last line is cut off."""
        *lines, rest = self._path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            if line.strip():
                self.samples.append(self._sample(line, number))
        if not rest:
            return
        ours = rest.startswith(_START) or (self.samples and _START.startswith(rest))
        if not ours:
            raise DataError(str(self._path), len(lines) + 1, None, _NO_LABEL)
        write_whole(self._path, b"".join(line + b"\n" for line in lines))

    def _sample(self, line: bytes, number: int) -> Labelled:
        try:
            row = json.loads(line)
            settings = row["settings"]
            sample = _labelled(row)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(str(self._path), number, None, f"{_NO_LABEL} ({error!r})") from error
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
