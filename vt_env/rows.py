"""One row of a dataset: what its columns must hold, and the `Sample` that it becomes."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judges import ANSWER_KINDS, AnswerKind
from vt_env.image_files import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, BytesImage, FileImage
from vt_env.samples import Sample
from vt_env.schemas import RowError, to_plain
from vt_env.url_images import UrlImage, is_web_address

__all__ = ["COLUMNS", "ImageFiles", "RowError", "sample_from_row"]

COLUMNS = (
    "id",
    "image",
    "question",
    "answer",
    "family",
    "kind",
    "choices",
    "tolerance",
    "needs_high_res",
)
"""Columns that mean something; others are kept in `Sample.meta`."""


@dataclass(frozen=True)
class ImageFiles:
    """Where a dataset's image paths lead, and what they may lead to.

    Attributes:
        root: Folder that relative paths start from.
        confined: Whether paths that leave `root` (by ``..``, a link or an absolute path) are
            refused.
        max_pixels: Images with more pixels are refused before decoding.
        max_bytes: Files with more bytes are refused before opening.
        allow_urls: Whether ``http://`` and ``https://`` addresses are fetched, when they are used.
    """

    root: Path
    confined: bool = True
    max_pixels: int = MAX_IMAGE_PIXELS
    max_bytes: int = MAX_IMAGE_BYTES
    allow_urls: bool = False

    def source(self, value: object, label: str) -> FileImage | BytesImage | UrlImage:
        """Returns the image that a row's value means, without opening it.

        Args:
            value: A path or an address, the bytes of an image file, or
                ``{"bytes": …, "path": …}`` as Hugging Face datasets hold images.
            label: What to call an image that has no path.

        Raises:
            RowError: If the value is neither, or the path is refused.
        """
        if isinstance(value, Mapping):
            data, path = value.get("bytes"), value.get("path")
            value = path if data is None else data
        if isinstance(value, bytes):
            return BytesImage(value, label, self.max_pixels, self.max_bytes)
        if not isinstance(value, str):
            raise RowError("image", f"expected a path, got {_type(value)}.")
        if not value.strip():
            raise RowError("image", "is empty.")
        return self.image(value)

    @functools.cached_property
    def _resolved_root(self) -> Path:
        return self.root.resolve()

    def image(self, text: str) -> FileImage | UrlImage:
        """Returns the image that a path or an address means, without opening it.

        Raises:
            RowError: If it is a URL that is not allowed, cannot be a path, or leaves the root.
        """
        if "://" in text[:16]:
            return self._web_image(text.strip())
        try:
            path = (self._resolved_root / text).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise RowError("image", f"{text!r} cannot be a path ({error}).") from error
        if self.confined and not path.is_relative_to(self._resolved_root):
            raise RowError(
                "image",
                f"{text!r} lies outside of the dataset's folder (confined=False allows it).",
            )
        return FileImage(path, self.max_pixels, self.max_bytes)

    def _web_image(self, url: str) -> UrlImage:
        if not is_web_address(url):
            raise RowError("image", f"{url!r} is a URL; only files are read, or http and https.")
        if not self.allow_urls:
            raise RowError(
                "image", f"{url!r} is a URL; only files are read (allow_urls=True fetches it)."
            )
        return UrlImage(url, self.max_pixels, self.max_bytes)


def sample_from_row(record: object, default_id: str, files: ImageFiles) -> Sample:
    """Reads one row.

    Args:
        record: The row, a mapping in one of the schemas of `vt_env.schemas`; null means absent.
        default_id: The sample's id when the row has none.
        files: Resolves the image path.

    Raises:
        RowError: At the first column that cannot be used.
    """
    if not isinstance(record, Mapping):
        raise RowError(None, f"expected an object with columns, got {_type(record)}.")
    row = to_plain({str(key): value for key, value in record.items() if value is not None})
    question = _text(row, "question")
    answers = _answers(row)
    if "image" not in row:
        raise RowError("image", "is missing.")
    image = files.source(row["image"], f"row {default_id}")
    return Sample(
        sample_id=_identifier(row, default_id),
        question=question,
        answers=answers,
        image=image,
        family=_text(row, "family") if "family" in row else "default",
        kind=_kind(row),
        choices=_choices(row),
        tolerance=_tolerance(row),
        needs_high_res=_flag(row, "needs_high_res"),
        meta={key: value for key, value in row.items() if key not in COLUMNS},
    )


def _type(value: object) -> str:
    names = {"dict": "object", "str": "text", "NoneType": "null"}
    return names.get(type(value).__name__, type(value).__name__)


def _text(row: Mapping[str, Any], field: str) -> str:
    """A column that must hold text which is not blank."""
    if field not in row:
        raise RowError(field, "is missing.")
    value = row[field]
    if not isinstance(value, str):
        raise RowError(field, f"expected text, got {_type(value)}.")
    if not value.strip():
        raise RowError(field, "is empty.")
    return value


def _answers(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One accepted answer or a list of them; numbers are taken as JSON writes them."""
    if "answer" not in row:
        raise RowError("answer", "is missing.")
    value = row["answer"]
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise RowError("answer", "expected at least one accepted answer, got an empty list.")
    return tuple(_answer(item) for item in values)


def _answer(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError("answer", f"expected text, a number or a list of them, got {_type(value)}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise RowError("answer", f"{value} is no answer.")
    text = value if isinstance(value, str) else repr(value)
    if not text.strip():
        raise RowError("answer", "is empty.")
    return text


def _identifier(row: Mapping[str, Any], default: str) -> str:
    if "id" not in row:
        return default
    value = row["id"]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(row, "id")


def _kind(row: Mapping[str, Any]) -> AnswerKind | None:
    value = row.get("kind")
    for kind in ANSWER_KINDS:
        if value is None or value == kind:
            return None if value is None else kind
    raise RowError("kind", f"expected one of {', '.join(ANSWER_KINDS)}, got {value!r}.")


def _choices(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "choices" not in row:
        return None
    value = row["choices"]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise RowError("choices", "expected a list of texts.")
    if len(value) < 2:
        raise RowError("choices", f"expected at least two options, got {len(value)}.")
    return tuple(value)


def _tolerance(row: Mapping[str, Any]) -> float | None:
    if "tolerance" not in row:
        return None
    value = row["tolerance"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RowError("tolerance", f"expected a number, got {_type(value)}.")
    if not 0 <= value <= 1e308:
        raise RowError("tolerance", f"expected a finite number from 0 up, got {value}.")
    return float(value)


def _flag(row: Mapping[str, Any], field: str) -> bool | None:
    value = row.get(field)
    if value is not None and not isinstance(value, bool):
        raise RowError(field, f"expected true, false or null, got {_type(value)}.")
    return value
