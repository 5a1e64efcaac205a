"""Checking all the rows of a dataset before the first is used."""

from __future__ import annotations

import hashlib
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vt_env.data.schemas import RowError
from vt_env.data.text import shortened_path
from vt_env.errors import ConfigError, DataError, DatasetError, ImageError
from vt_env.images.files import BytesImage, EncodedImage
from vt_env.samples import Sample

ImageCheck = Literal["decode", "header", "none"]
IMAGE_CHECKS: tuple[ImageCheck, ...] = ("decode", "header", "none")
MAX_ERRORS = 1000
"""Bad rows that a `DatasetError` holds; further ones are counted, so that memory stays bounded."""
MAX_REMEMBERED = 2**16
"""Image files and addresses whose check is remembered, so that rows on one image check it once."""
PROGRESS_SECONDS = 0.1

Progress = Callable[[float], None]
"""Called now and then with the share of the work that is done, in [0, 1]."""
OnError = Callable[[DataError], None]
"""Called with every bad row when it is found."""


class Validator:
    """Collects what is wrong with the rows of a dataset.

    Args:
        file: The dataset as the user named it.
        check: How well images are checked: ``"decode"`` decodes each once, ``"header"`` reads
            the headers, ``"none"`` does not touch them.
        progress: Told how far the check has come.
        on_error: Told of every bad row, also of those beyond `MAX_ERRORS`.
        root: Folder that image paths are relative to; errors quote a long path only in part.

    Raises:
        ConfigError: If `check` is none of the three.
    """

    def __init__(
        self,
        file: str,
        check: ImageCheck,
        progress: Progress | None = None,
        on_error: OnError | None = None,
        root: Path | None = None,
    ) -> None:
        if check not in IMAGE_CHECKS:
            raise ConfigError(f"check is one of {', '.join(IMAGE_CHECKS)}, got {check!r}.")
        self._file, self._check = file, check
        self._progress, self._on_error = progress, on_error
        self._root = str(root.resolve()) if root is not None else ""
        self._errors: list[DataError] = []
        self._bad = 0
        # Arrays of machine numbers: a list of Python integers would take ten times the memory.
        self._hashes, self._lines = array("Q"), array("I")
        self._checked: dict[bytes, str | None] = {}
        self._told = time.monotonic()

    def row(self, line: int, read: Callable[[], Sample], share: float) -> bool:
        """Reads and checks one row; returns whether it can be used.

        Args:
            line: Number of the row, counted from 1.
            read: Reads it.
            share: Share of the dataset that lies before it, for the progress.
        """
        if self._progress is not None and time.monotonic() - self._told > PROGRESS_SECONDS:
            self._progress(share)
            self._told = time.monotonic()
        try:
            sample = read()
            self._check_image(sample.image)
        except RowError as error:
            self._note(DataError(self._file, line, error.field, error.problem))
            return False
        self._hashes.append(id_hash(sample.sample_id))
        self._lines.append(line)
        return True

    def finish(self) -> npt.NDArray[np.uint64]:
        """Returns the hashes of the rows' ids, in order.

        Raises:
            DatasetError: If rows cannot be used, ids repeat, or there is no row.
        """
        rows = len(self._lines) + self._bad
        hashes = np.frombuffer(self._hashes, np.uint64)
        self._note_repeated(hashes)
        if not rows:
            self._note(DataError(self._file, None, None, "there are no rows."))
        if self._errors:
            ordered = sorted(self._errors, key=lambda error: error.line or 0)
            raise DatasetError(ordered, rows, self._bad)
        if self._progress is not None:
            self._progress(1.0)
        return hashes

    def _note(self, error: DataError) -> None:
        self._bad += 1
        if len(self._errors) < MAX_ERRORS:
            self._errors.append(error)
        if self._on_error is not None:
            self._on_error(error)

    def _check_image(self, image: object) -> None:
        """Checks an image; remembers what was wrong with it unless the row itself holds it."""
        if self._check == "none" or not isinstance(image, EncodedImage):
            return
        if isinstance(image, BytesImage):
            problem = self._problem(image)
        else:
            name = image.name.encode("utf-8", "surrogatepass")
            key = hashlib.blake2b(name, digest_size=16).digest()
            if len(self._checked) >= MAX_REMEMBERED:
                self._checked.clear()
            if key not in self._checked:
                self._checked[key] = self._problem(image)
            problem = self._checked[key]
        if problem is not None:
            raise RowError("image", problem)

    def _problem(self, image: EncodedImage) -> str | None:
        try:
            image.check(decode=self._check == "decode")
        except ImageError as error:
            return str(error).replace(image.name, shortened_path(image.name, self._root))
        return None

    def _note_repeated(self, hashes: npt.NDArray[np.uint64]) -> None:
        """Names every row whose id an earlier row has."""
        in_order = np.sort(hashes)  # np.unique would build a hash table, at many bytes a row
        if not (in_order[1:] == in_order[:-1]).any():
            return
        _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
        for row in np.flatnonzero(first[group] != np.arange(len(hashes))):
            earlier = self._lines[int(first[group[row]])]
            problem = f"is the same as that of line {earlier}."
            self._note(DataError(self._file, self._lines[int(row)], "id", problem))


def id_hash(sample_id: str) -> int:
    """A 64-bit hash of a sample's id, the same on every machine."""
    data = sample_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
