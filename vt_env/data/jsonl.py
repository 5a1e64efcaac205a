"""`JsonlDataset`: the rows of a file of text, validated whole before use, read one at a time."""

from __future__ import annotations

import functools
from array import array
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vt_env.data.answers import AnswerForm, check_form
from vt_env.data.row_files import RowFile, row_file
from vt_env.data.row_formats import FoundRow
from vt_env.data.rows import ImageFiles, RowError, sample_from_row
from vt_env.data.validation import ImageCheck, OnError, Progress, Validator, id_hash
from vt_env.errors import DataError
from vt_env.images.files import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from vt_env.images.work import WORK, ImageWork
from vt_env.samples import Sample


class JsonlDataset:
    """Samples in a file of JSON lines, a JSON array, CSV or TSV; made by `JsonlDataset.load`.

    Memory holds 20 bytes a row, whatever the rows and images weigh: rows are read from the file
    on use, images are decoded on use. Of a file packed by gzip it holds the unpacked contents too.
    """

    def __init__(
        self,
        source: RowFile,
        files: ImageFiles,
        answers: AnswerForm | None,
        offsets: npt.NDArray[np.uint64],
        lines: npt.NDArray[np.uint32],
        id_hashes: npt.NDArray[np.uint64],
    ) -> None:
        self._source, self._files, self._answers = source, files, answers
        self._offsets, self._lines, self._id_hashes = offsets, lines, id_hashes

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        root: str | Path | None = None,
        confined: bool = True,
        allow_urls: bool = False,
        answers: AnswerForm | None = None,
        check: ImageCheck = "decode",
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        max_image_bytes: int = MAX_IMAGE_BYTES,
        work: ImageWork = WORK,
        progress: Progress | None = None,
        on_error: OnError | None = None,
    ) -> JsonlDataset:
        """Validates every row, then returns the dataset.

        Args:
            path: The file, of a sort that its contents and its name tell. Blank lines are skipped.
            root: Folder that image paths are relative to; None: the file's own.
            confined: Whether image paths that leave `root` are refused.
            allow_urls: Whether images at ``http://`` and ``https://`` addresses are fetched.
            answers: What answers to questions with options are: ``"index"`` (from 0), ``"letter"``
                or ``"text"``; None: whatever names one option and no other.
            check: How well images are checked. ``"decode"``: every image is decoded once, which
                finds truncated files; ``"header"``: only the headers are read, for large sets;
                ``"none"``: images are not touched.
            max_image_pixels: Images with more pixels are refused.
            max_image_bytes: Files with more bytes are refused.
            work: What else of an image is refused before decoding.
            progress: Called now and then with the share of the file that is checked.
            on_error: Called with every bad row when it is found.

        Raises:
            DatasetError: If rows cannot be used, with all of them; if there are none; or if it is
                not a file of rows.
            ConfigError: If `check` is not one of the three.
            UnknownNameError: If `answers` is not one of the three.
        """
        path = Path(path)
        check_form(answers)
        folder = Path(root) if root is not None else path.parent
        validator = Validator(str(path), check, progress, on_error, folder)
        files = ImageFiles(folder, confined, max_image_pixels, max_image_bytes, allow_urls, work)
        source = row_file(path)
        offsets, lines = array("Q"), array("I")
        for found in source.rows():
            read = functools.partial(_sample, found, files, answers)
            if validator.row(found.line, read, found.offset / source.length):
                offsets.append(found.offset)
                lines.append(found.line)
        hashes = validator.finish()
        places, numbers = np.frombuffer(offsets, np.uint64), np.frombuffer(lines, np.uint32)
        return cls(source, files, answers, places, numbers, hashes)

    @property
    def name(self) -> str:
        """The file's name without its extension."""
        return self._source.path.name.removesuffix(".gz").rpartition(".")[0]

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
        line, start = int(self._lines[index]), int(self._offsets[index])
        end = int(self._offsets[index + 1]) if index + 1 < len(self) else None
        read = functools.partial(self._source.read, start, end)
        try:
            return _sample(FoundRow(start, line, read), self._files, self._answers)
        except RowError as error:
            raise DataError(str(self._source.path), line, error.field, error.problem) from error

    def index_of(self, sample_id: str) -> int | None:
        """Index of the sample called `sample_id`; None when there is none."""
        for index in np.flatnonzero(self._id_hashes == np.uint64(id_hash(sample_id))):
            if self[int(index)].sample_id == sample_id:
                return int(index)
        return None


def _sample(found: FoundRow, files: ImageFiles, answers: AnswerForm | None) -> Sample:
    return sample_from_row(found.read(), str(found.line), files, answers)
