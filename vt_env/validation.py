"""Checking all the rows of a dataset before the first is used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from vt_env.errors import ConfigError, DataError, DatasetError, ImageError
from vt_env.image_files import EncodedImage, FileImage
from vt_env.samples import Sample
from vt_env.schemas import RowError

ImageCheck = Literal["decode", "header", "none"]
IMAGE_CHECKS: tuple[ImageCheck, ...] = ("decode", "header", "none")


class Validator:
    """Collects what is wrong with the rows of a dataset.

    Args:
        file: The dataset as the user named it.
        check: How well images are checked: ``"decode"`` decodes each once, ``"header"`` reads
            the headers, ``"none"`` does not touch them.

    Raises:
        ConfigError: If `check` is none of the three.
    """

    def __init__(self, file: str, check: ImageCheck) -> None:
        if check not in IMAGE_CHECKS:
            raise ConfigError(f"check is one of {', '.join(IMAGE_CHECKS)}, got {check!r}.")
        self._file, self._check = file, check
        self._errors: list[DataError] = []
        self._hashes: list[int] = []
        self._lines: list[int] = []
        self._checked: dict[bytes, str | None] = {}

    def row(self, line: int, read: Callable[[], Sample]) -> bool:
        """Reads and checks one row; returns whether it can be used."""
        try:
            sample = read()
            self._check_image(sample.image)
        except RowError as error:
            self._errors.append(DataError(self._file, line, error.field, error.problem))
            return False
        self._hashes.append(id_hash(sample.sample_id))
        self._lines.append(line)
        return True

    def finish(self) -> npt.NDArray[np.uint64]:
        """Returns the hashes of the rows' ids, in order.

        Raises:
            DatasetError: If rows cannot be used, ids repeat, or there is no row.
        """
        rows = len(self._lines) + len(self._errors)
        self._errors += self._repeated()
        if not rows:
            self._errors.append(DataError(self._file, None, None, "there are no rows."))
        if self._errors:
            raise DatasetError(sorted(self._errors, key=lambda error: error.line or 0), rows)
        return np.asarray(self._hashes, np.uint64)

    def _check_image(self, image: object) -> None:
        """Checks each distinct file once and remembers what was wrong with it."""
        if self._check == "none" or not isinstance(image, EncodedImage):
            return
        if not isinstance(image, FileImage):
            problem = self._problem(image)
        else:
            name = image.name.encode("utf-8", "surrogatepass")
            key = hashlib.blake2b(name, digest_size=16).digest()
            if key not in self._checked:
                self._checked[key] = self._problem(image)
            problem = self._checked[key]
        if problem is not None:
            raise RowError("image", problem)

    def _problem(self, image: EncodedImage) -> str | None:
        try:
            image.check(decode=self._check == "decode")
        except ImageError as error:
            return str(error)
        return None

    def _repeated(self) -> list[DataError]:
        """Names every row whose id an earlier row has."""
        first: dict[int, int] = {}
        errors = []
        for line, value in zip(self._lines, self._hashes, strict=True):
            earlier = first.setdefault(value, line)
            if earlier != line:
                problem = f"is the same as that of line {earlier}."
                errors.append(DataError(self._file, line, "id", problem))
        return errors


def id_hash(sample_id: str) -> int:
    """A 64-bit hash of a sample's id, the same on every machine."""
    data = sample_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
