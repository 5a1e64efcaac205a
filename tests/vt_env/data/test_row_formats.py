"""Formats of files of rows by their endings, those of one's own among them."""

import functools
import gzip
import pickle
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from PIL import Image

from vt_env.data.load import load_dataset
from vt_env.data.row_formats import ROW_FORMATS, FoundRow, NoRowsError, RowFormat
from vt_env.data.schemas import RowError
from vt_env.errors import ConfigError, DatasetError, RegistryError

MAGIC = b"PK\x03\x04rows"
"""As a zip archive begins: a format of one's own need be no text."""


@dataclass(frozen=True)
class Packed:
    """Answers, each after two bytes of its length."""

    def rows(self, file: BinaryIO) -> Iterator[FoundRow]:
        file.seek(len(MAGIC))
        number = 1
        while head := file.read(2):
            start = file.tell() - 2
            raw = file.read(struct.unpack("<H", head)[0])
            yield FoundRow(start, number, functools.partial(_row, raw))
            number += 1

    def read(self, file: BinaryIO, start: int, end: int, /) -> object:
        file.seek(start + 2)
        return _row(file.read(end - start - 2))


def _row(raw: bytes) -> dict[str, str]:
    if b"?" in raw:
        raise RowError("answer", "is not known.")
    return {"image": "a.png", "question": "What?", "answer": raw.decode()}


def open_packed(head: bytes) -> RowFormat:
    if not head.startswith(MAGIC):
        raise NoRowsError("holds no packed rows")
    return Packed()


@pytest.fixture
def registered() -> Iterator[Callable[..., None]]:
    before = set(ROW_FORMATS)
    yield ROW_FORMATS.register
    for name in set(ROW_FORMATS) - before:
        ROW_FORMATS.remove(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (60, 40), "red").save(tmp_path / "a.png")
    return tmp_path


def packed(*answers: bytes) -> bytes:
    return MAGIC + b"".join(struct.pack("<H", len(answer)) + answer for answer in answers)


def test_rows_of_a_format_of_ones_own_are_read(
    folder: Path, registered: Callable[..., None]
) -> None:
    registered(".packed", open_packed)
    (folder / "rows.PACKED").write_bytes(packed(b"cat", b"", b"a\nb"))
    with pytest.raises(DatasetError) as caught:
        load_dataset(folder / "rows.PACKED")
    assert [(error.line, error.field) for error in caught.value.errors] == [(2, "answer")]
    (folder / "rows.PACKED").write_bytes(packed(b"cat", b"dog"))
    dataset = load_dataset(folder / "rows.PACKED")
    for found in (dataset, pickle.loads(pickle.dumps(dataset))):
        assert [found[n].answers for n in range(len(found))] == [("cat",), ("dog",)]
    assert dataset.name == "rows"
    assert load_dataset(folder)[1].answers == ("dog",), "the one file of rows of a folder"
    (folder / "rows.PACKED").rename(folder / "plain")
    (folder / "more.packed.gz").write_bytes(gzip.compress(packed(b"cat", b"dog", b"?")))
    with pytest.raises(DatasetError, match=r"more.packed.gz:3: field 'answer': is not known"):
        load_dataset(folder / "more.packed.gz")


def test_a_file_that_is_none_of_its_format_is_refused_in_one_line(
    folder: Path, registered: Callable[..., None]
) -> None:
    registered(".packed", open_packed)
    (folder / "rows.packed").write_text('{"image": "a.png"}')
    with pytest.raises(DatasetError) as caught:
        load_dataset(folder / "rows.packed")
    (error,) = caught.value.errors
    assert error.problem.startswith("holds no packed rows; what is read: JSON lines")
    assert ".tsv, .packed, each also with .gz" in error.problem


def test_the_longest_ending_tells_the_format(folder: Path, registered: Callable[..., None]) -> None:
    registered(".packed.jsonl", open_packed)
    (folder / "rows.packed.jsonl").write_bytes(packed(b"cat"))
    (folder / "plain.jsonl").write_text('{"image": "a.png", "question": "q", "answer": "dog"}')
    assert load_dataset(folder / "rows.packed.jsonl")[0].answers == ("cat",)
    assert load_dataset(folder / "plain.jsonl")[0].answers == ("dog",)


@pytest.mark.parametrize("name", ["packed", ".Packed", ".gz", ".parquet", ".a.gz", ".", "", ".a b"])
def test_a_format_is_named_by_an_ending(name: str) -> None:
    with pytest.raises(RegistryError, match="format of row files is the ending of their names"):
        ROW_FORMATS.register(name, open_packed)


def test_what_cannot_read_is_refused(folder: Path, registered: Callable[..., Any]) -> None:
    with pytest.raises(RegistryError, match="something that can be called"):
        registered(".packed", Packed())
    with pytest.raises(RegistryError, match=r"'.csv' is registered already"):
        registered(".csv", open_packed)
    registered(".packed", lambda _head: 3)
    (folder / "rows.packed").write_bytes(packed(b"cat"))
    with pytest.raises(
        ConfigError, match=r"format of .packed files must have rows and read; .* int"
    ):
        load_dataset(folder / "rows.packed")
