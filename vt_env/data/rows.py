"""One row of a dataset: what its columns must hold, and the `Sample` that it becomes."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judges import ANSWER_KINDS, AnswerKind
from vt_env.data.answers import AnswerForm, named_options
from vt_env.data.inline_images import inline_image
from vt_env.data.options import check_order, lettered, read_options
from vt_env.data.schemas import RowError, to_plain
from vt_env.data.text import quoted, shortened
from vt_env.images.files import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, BytesImage, FileImage
from vt_env.images.urls import UrlImage, is_web_address
from vt_env.images.work import WORK, ImageWork
from vt_env.samples import Sample

__all__ = ["COLUMNS", "ImageFiles", "RowError", "sample_from_row"]

MAX_PATH = 4096
"""Characters of the longest path."""
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
        work: What else of an image is refused before decoding.
    """

    root: Path
    confined: bool = True
    max_pixels: int = MAX_IMAGE_PIXELS
    max_bytes: int = MAX_IMAGE_BYTES
    allow_urls: bool = False
    work: ImageWork = WORK

    def source(self, value: object, label: str) -> FileImage | BytesImage | UrlImage:
        """Returns the image that a row's value means, without opening it.

        Args:
            value: A path or an address, the bytes of an image file, also in base64 or as a
                ``data:`` URI, or ``{"bytes": …, "path": …}`` as Hugging Face datasets hold images.
            label: What to call an image that has no path.

        Raises:
            RowError: If the value is neither, or the path is refused.
        """
        if isinstance(value, Mapping):
            data, path = value.get("bytes"), value.get("path")
            value = path if data is None else data
        if isinstance(value, str):
            value = inline_image(value, self.max_bytes) or value
        if isinstance(value, bytes):
            return BytesImage(value, label, self.max_pixels, self.max_bytes, self.work)
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
        if len(text) > MAX_PATH:
            raise RowError(
                "image",
                f"{quoted(text)} cannot be a path ({len(text)} characters), nor is it an image in "
                "base64 of a format that is read.",
            )
        try:
            path = (self._resolved_root / text).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise RowError(
                "image", f"{quoted(text)} cannot be a path ({quoted(str(error))})."
            ) from error
        if self.confined and not path.is_relative_to(self._resolved_root):
            raise RowError(
                "image",
                f"{quoted(text)} lies outside of the dataset's folder (confined=False allows it).",
            )
        return FileImage(path, self.max_pixels, self.max_bytes, self.work)

    def _web_image(self, url: str) -> UrlImage:
        if not is_web_address(url):
            raise RowError(
                "image", f"{quoted(url)} is a URL; only files are read, or http and https."
            )
        if not self.allow_urls:
            raise RowError(
                "image",
                f"{quoted(url)} is a URL; only files are read (allow_urls=True fetches it).",
            )
        return UrlImage(url, self.max_pixels, self.max_bytes, self.work)


def sample_from_row(
    record: object, default_id: str, files: ImageFiles, answers: AnswerForm | None = None
) -> Sample:
    """Reads one row.

    Args:
        record: The row, a mapping in one of the schemas of `vt_env.data.schemas`; null means
            absent.
        default_id: The sample's id when the row has none.
        files: Resolves the image path.
        answers: What answers to questions with options are; None: whatever names one option.

    Returns:
        The sample. Where it has options, its answers are letters; where a letter is the text of
        another option, ``(B) text``.

    Raises:
        RowError: At the first column that cannot be used.
    """
    if not isinstance(record, Mapping):
        raise RowError(None, f"expected an object with columns, got {_type(record)}.")
    row = {str(key): value for key, value in record.items() if value is not None}
    _check_encodable(row)
    row = to_plain(row)
    _check_encodable(row)  # lists and objects that a text writes are read by now
    for field in ("question", "answer", "image"):
        if field not in row:
            raise RowError(field, _missing(field, record))
    question = _text(row, "question")
    options, used = read_options(row)
    if options:
        _check_encodable(dict.fromkeys(used & set(record), options))
        check_order(question, options)
        question = _without_options(question, options)
    return Sample(
        sample_id=_identifier(row, default_id),
        question=question,
        answers=_answers(row, options, answers),
        image=files.source(row["image"], f"row {default_id}"),
        family=_text(row, "family") if "family" in row else "default",
        kind=_kind(row, options),
        choices=options,
        tolerance=_tolerance(row),
        needs_high_res=_flag(row, "needs_high_res"),
        meta={key: value for key, value in row.items() if key not in COLUMNS and key not in used},
    )


def _check_encodable(row: Mapping[str, Any]) -> None:
    """Refuses text that no tokenizer and no file could take, wherever it is in the row."""
    for field, value in row.items():
        place = _lone_surrogate(field)
        if place is not None:
            raise RowError(None, f"has a column whose name {_unencodable(field, place)}")
        waiting = [value]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str):
                place = _lone_surrogate(item)
                if place is not None:
                    raise RowError(field, f"holds text that {_unencodable(item, place)}")
            elif isinstance(item, Mapping):
                waiting += [*item.keys(), *item.values()]
            elif isinstance(item, list | tuple):
                waiting += item


def _unencodable(text: str, place: int) -> str:
    near = quoted(text[max(0, place - 20) : place + 20])
    return f"cannot be encoded: half of a surrogate pair in {near}."


def _lone_surrogate(text: str) -> int | None:
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def _missing(field: str, record: Mapping[Any, Any]) -> str:
    """Says that a column is missing, and which there are."""
    columns = [str(key) for key in record]
    if field in columns:
        return "is missing: it is null in this row."
    close = difflib.get_close_matches(field, [name.lower() for name in columns], 1, 0.75)
    spelt = next((name for name in columns if close and name.lower() == close[0]), None)
    hint = f" Did you mean {quoted(spelt)}?" if spelt is not None else ""
    return f"is missing; {columns_found(columns)}{hint}"


def columns_found(columns: Iterable[str]) -> str:
    """Lists the columns that a row has."""
    names = [shortened(name) for name in columns]
    if not names:
        return "the row has no columns."
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"the columns found are {', '.join(map(repr, names[:20]))}{more}."


def _without_options(question: str, options: tuple[str, ...]) -> str:
    """Takes off the options that `asked` puts after a question, as exported data have it."""
    bare = question.removesuffix(f"\n{lettered(options)}")
    return bare if bare.strip() else question


def _type(value: object) -> str:
    names = {"dict": "object", "str": "text", "NoneType": "null"}
    return names.get(type(value).__name__, type(value).__name__)


def _text(row: Mapping[str, Any], field: str) -> str:
    """A column that must hold text which is not blank."""
    value = row[field]
    if not isinstance(value, str):
        raise RowError(field, f"expected text, got {_type(value)}.")
    if not value.strip():
        raise RowError(field, "is empty.")
    return value


def _answers(
    row: Mapping[str, Any], options: tuple[str, ...] | None, form: AnswerForm | None
) -> tuple[str, ...]:
    """One accepted answer or a list of them; numbers are taken as JSON writes them."""
    value = row["answer"]
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise RowError("answer", "expected at least one accepted answer, got an empty list.")
    texts = (text for item in values for text in _accepted(item, options, form))
    return tuple(dict.fromkeys(texts))


def _accepted(
    value: object, options: tuple[str, ...] | None, form: AnswerForm | None
) -> tuple[str, ...]:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError("answer", f"expected text, a number or a list of them, got {_type(value)}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise RowError("answer", f"{value} is no answer.")
    text = value if isinstance(value, str) else repr(value)
    if not text.strip():
        raise RowError("answer", "is empty.")
    return (text,) if options is None else named_options(value, options, form)


def _identifier(row: Mapping[str, Any], default: str) -> str:
    if "id" not in row:
        return default
    value = row["id"]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(row, "id")


def _kind(row: Mapping[str, Any], options: tuple[str, ...] | None) -> AnswerKind | None:
    value = row.get("kind")
    if value is None:
        return None
    kind = next((kind for kind in ANSWER_KINDS if value == kind), None)
    if kind is None:
        raise RowError("kind", f"expected one of {', '.join(ANSWER_KINDS)}, got {quoted(value)}.")
    if options is not None and kind != "choice":
        raise RowError("kind", f"a question with options is of kind 'choice', not {kind!r}.")
    return kind


def _tolerance(row: Mapping[str, Any]) -> float | None:
    if "tolerance" not in row:
        return None
    value = row["tolerance"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RowError("tolerance", f"expected a number, got {_type(value)}.")
    if not 0 <= value <= 1e308:
        raise RowError("tolerance", f"expected a finite number from 0 up, got {quoted(value)}.")
    return float(value)


def _flag(row: Mapping[str, Any], field: str) -> bool | None:
    value = row.get(field)
    if value is not None and not isinstance(value, bool):
        raise RowError(field, f"expected true, false or null, got {_type(value)}.")
    return value
