"""`JsonlDataset`: one JSON object a line, validated whole before use, read a row at a time."""

from __future__ import annotations

import functools
import json
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vt_env.errors import DataError
from vt_env.image_files import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from vt_env.rows import ImageFiles, RowError, sample_from_row
from vt_env.samples import Sample
from vt_env.validation import ImageCheck, OnError, Progress, Validator, id_hash


class JsonlDataset:
    """Samples in a file of one JSON object a line; build it with `JsonlDataset.load`.

    Memory holds 20 bytes a row, whatever the rows and images weigh: rows are read from the file
    on use, images are decoded on use.
    """

    def __init__(
        self,
        path: Path,
        files: ImageFiles,
        offsets: npt.NDArray[np.uint64],
        lines: npt.NDArray[np.uint32],
        id_hashes: npt.NDArray[np.uint64],
    ) -> None:
        self._path, self._files = path, files
        self._offsets, self._lines, self._id_hashes = offsets, lines, id_hashes

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        root: str | Path | None = None,
        confined: bool = True,
        allow_urls: bool = False,
        check: ImageCheck = "decode",
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        max_image_bytes: int = MAX_IMAGE_BYTES,
        progress: Progress | None = None,
        on_error: OnError | None = None,
    ) -> JsonlDataset:
        """Validates every row, then returns the dataset.

        Args:
            path: The file. Blank lines are skipped.
            root: Folder that image paths are relative to; None: the file's own.
            confined: Whether image paths that leave `root` are refused.
            allow_urls: Whether images at ``http://`` and ``https://`` addresses are fetched.
            check: How well images are checked. ``"decode"``: every image is decoded once, which
                finds truncated files; ``"header"``: only the headers are read, for large sets;
                ``"none"``: images are not touched.
            max_image_pixels: Images with more pixels are refused.
            max_image_bytes: Files with more bytes are refused.
            progress: Called now and then with the share of the file that is checked.
            on_error: Called with every bad row when it is found.

        Raises:
            DatasetError: If rows cannot be used, with all of them; or if there are none.
            ConfigError: If `check` is not one of the three.
        """
        path = Path(path)
        validator = Validator(str(path), check, progress, on_error)
        folder = Path(root) if root is not None else path.parent
        files = ImageFiles(folder, confined, max_image_pixels, max_image_bytes, allow_urls)
        offsets, lines = array("Q"), array("I")
        length = max(1, path.stat().st_size)
        for offset, line, raw in _rows(path):
            if validator.row(line, functools.partial(_parse, raw, line, files), offset / length):
                offsets.append(offset)
                lines.append(line)
        hashes = validator.finish()
        return cls(
            path, files, np.frombuffer(offsets, np.uint64), np.frombuffer(lines, np.uint32), hashes
        )

    @property
    def name(self) -> str:
        """The file's name without its extension."""
        return self._path.stem

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, index: int) -> Sample:
        """Reads one row.

        Raises:
            IndexError: If there is no such row.
            DataError: If the file was changed after it was validated.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name} has {len(self)} samples, not index {index}.")
        line = int(self._lines[index])
        with self._path.open("rb") as file:
            file.seek(int(self._offsets[index]))
            raw = file.readline()
        try:
            return _parse(raw, line, self._files)
        except RowError as error:
            raise DataError(str(self._path), line, error.field, error.problem) from error

    def index_of(self, sample_id: str) -> int | None:
        """Index of the sample called `sample_id`; None when there is none."""
        for index in np.flatnonzero(self._id_hashes == np.uint64(id_hash(sample_id))):
            if self[int(index)].sample_id == sample_id:
                return int(index)
        return None


def _rows(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yields byte offset, line number from 1, and bytes of every line that is not blank."""
    offset = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if raw.strip(b"\xef\xbb\xbf \t\r\n"):
                yield offset, number, raw
            offset += len(raw)


def _parse(raw: bytes, line: int, files: ImageFiles) -> Sample:
    try:
        record = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RowError(None, f"is not UTF-8 ({error.reason} at byte {error.start}).") from error
    except (ValueError, RecursionError) as error:
        raise RowError(None, f"is not JSON ({error}).") from error
    return sample_from_row(record, str(line), files)
