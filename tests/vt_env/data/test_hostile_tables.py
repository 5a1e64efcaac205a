"""Tables that are small as files and large as rows: read in place, within limits."""

import io
import os
import pickle
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vt_env.data.load import load_dataset
from vt_env.errors import ConfigError, DatasetError
from vt_env.tables import parquet
from vt_env.tables.limits import TableLimits
from vt_env.tables.pages import Page, PageError, pages
from vt_env.tables.sizes import row_sizes

LONG = "a" * 100_000


def encoded() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(buffer, "PNG")
    return buffer.getvalue()


def rows(count: int, **more: Any) -> list[dict[str, Any]]:
    image = {"bytes": encoded(), "path": None}
    return [{"id": f"r{n}", "image": image, "question": f"Which is {n}?", "answer": str(n), **more}
            for n in range(count)]  # fmt: skip


def write(path: Path, records: list[dict[str, Any]], **options: Any) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(records), path, **options)
    return path


LOOK = """
import sys, pyarrow
from vt_env.data.load import load_dataset
dataset = load_dataset(sys.argv[1])
print(len(dataset[1999].meta["note"]), pyarrow.default_memory_pool().max_memory())
"""


def test_what_is_repeated_in_a_file_is_not_unpacked_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", rows(2000, note=LONG), compression="zstd")
    assert path.stat().st_size < 100_000  # and 200 MB of text
    run = [sys.executable, "-c", LOOK, str(path)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    length, most = map(int, done.stdout.split())
    assert length == len(LONG)
    assert most < 2**24  # bytes that Arrow held at once, as its own pool counts them


def test_nothing_is_left_in_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    home = tmp_path / "home"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", home)
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "train.parquet", rows(3))
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: mine\n  data_files:\n  - split: train\n"
        "    path: train.parquet\n---\n"
    )
    for source in (folder / "train.parquet", folder):
        assert len(load_dataset(source, cache_dir=tmp_path / "cache")) == 3
    left = [p for place in (home, tmp_path / "cache") for p in place.rglob("*.arrow")]
    assert not left


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"rows": 9}, r"10 rows exceed the limit of 9 \(tables\.rows\)"),
        ({"table_bytes": 10_000}, r"bytes when unpacked exceed .* \(tables\.table_bytes\)"),
        ({"group_bytes": 10_000}, r"row group 0 when unpacked exceed .* \(tables\.group_bytes\)"),
        ({"row_bytes": 10_000}, r"a\.parquet:1: takes \d+ bytes .* 10000 \(tables\.row_bytes\)"),
    ],
)
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_limits_are_named(
    tmp_path: Path, limits: dict[str, int], message: str, compression: str
) -> None:
    records = [{**row, "note": f"{n}{LONG}"} for n, row in enumerate(rows(10))]
    path = write(tmp_path / "a.parquet", records, compression=compression)
    with pytest.raises(DatasetError, match=message):
        load_dataset(path, tables=TableLimits(**limits))
    assert len(load_dataset(path)) == 10


def test_what_repeats_counts_as_often_as_it_comes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", rows(50, note=LONG), compression="zstd")
    with pytest.raises(DatasetError, match="table_bytes"):
        load_dataset(path, tables=TableLimits(table_bytes=4_000_000))
    nested = write(tmp_path / "b.parquet", rows(2, notes=[LONG] * 100), compression="zstd")
    with pytest.raises(DatasetError, match=r"b\.parquet:2: takes 1\d{7} bytes"):
        load_dataset(nested, tables=TableLimits(row_bytes=5_000_000))


def test_a_saved_dataset_has_the_same_limits(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_list(rows(4, note=LONG)).save_to_disk(str(tmp_path / "set"))
    for limits, message in (({"rows": 3}, "4 rows"), ({"row_bytes": 50_000}, "set:3: takes")):
        with pytest.raises(DatasetError, match=message):
            load_dataset(tmp_path / "set", tables=TableLimits(**limits))
    assert load_dataset(tmp_path / "set")[3].sample_id == "r3"


def test_a_summary_that_lies_is_found_out_by_the_pages(tmp_path: Path) -> None:
    """The sizes at the end of a file are the writer's; what is unpacked is what pages say."""
    records = [{**row, "note": f"{n}{LONG}"} for n, row in enumerate(rows(10))]
    path = write(tmp_path / "a.parquet", records, compression="zstd")
    import pyarrow.parquet as pq

    columns = [pq.read_metadata(path).row_group(0).column(n) for n in range(6)]
    note = next(c for c in columns if c.path_in_schema == "note")
    start = note.dictionary_page_offset
    with path.open("rb") as file:
        found = list(pages(file, start, start + note.total_compressed_size))
    assert sum(page.unpacked for page in found) > 1_000_000
    assert sum(page.values for page in found) >= 10


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (b"\x15\x00\x15\x50\x15\x08\x2c\x15\x06\x00\x00", Page(40, 3)),
        (b"\x15\x00\x15\x50\x15\x08\x2c\x15\x06\x15\x10\x00\x00", Page(40, 3, False, True)),
        (b"\x15\x04\x15\x50\x15\x08\x4c\x15\x06\x15\x00\x00\x00", Page(40, 3, True)),
        (b"\x15\x00\x15\x50\x15\x08\x00", Page(40, 0)),
        (b"\x15\x00\x15\x50\x15\x07\x00", "how long it is"),
        (b"\x15\x00\x00", "how long it is"),
        (b"\x19\x00", "field of type 9"),
        (b"\x15" + b"\xff" * 20, "number that does not end"),
        (b"\x1c" * 20, "too deep"),
        (b"\x15\x00\x15", "no whole header"),
        (b"\x18\xff\xff\xff\xff\x07", "no whole header"),
    ],
)
def test_headers_of_pages(header: bytes, found: Page | str) -> None:
    data = header + bytes(4) if isinstance(found, Page) else header
    file = io.BytesIO(data)
    if isinstance(found, Page):
        assert list(pages(file, 0, len(data))) == [found]
        return
    with pytest.raises(PageError, match=found):
        list(pages(file, 0, len(data)))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("group", [3, 1000])
@pytest.mark.parametrize("held", [-1, 0, 2**28])
def test_rows_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, group: int, held: int
) -> None:
    """Held in memory, in a temporary file, or looked for in the parquet file itself."""
    monkeypatch.setattr(parquet, "HELD_BYTES", max(held, 0))
    if held < 0:
        monkeypatch.setattr(parquet, "AMPLIFIED", (0, 0))
    monkeypatch.setattr(parquet, "MAX_ROWS", 2)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spilled"))
    (tmp_path / "spilled").mkdir()
    write(tmp_path / "a.parquet", rows(10), row_group_size=group, data_page_version=version)
    write(tmp_path / "b.parquet", [{**r, "id": "b" + r["id"]} for r in rows(4)])
    dataset = load_dataset(tmp_path, split="a")
    both = parquet.ParquetTable("x", [tmp_path / "a.parquet", tmp_path / "b.parquet"],
                                TableLimits(), 2**20)  # fmt: skip
    order = list(range(10)) * 2
    random.Random(0).shuffle(order)
    assert [dataset[n].sample_id for n in order] == [f"r{n}" for n in order]
    ids = [both.row(n).to_pylist()[0]["id"] for n in range(14)]
    assert ids == [f"r{n}" for n in range(10)] + [f"br{n}" for n in range(4)]
    again = pickle.loads(pickle.dumps(dataset))
    assert again[7].sample_id == "r7"
    assert not list((tmp_path / "spilled").iterdir())


def test_empty_row_groups_and_files_are_passed_over(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(rows(3))
    with pq.ParquetWriter(tmp_path / "a.parquet", table.schema) as writer:
        for part in (table.slice(0, 0), table.slice(0, 2), table.slice(0, 0), table.slice(2, 1)):
            writer.write_table(part)
    dataset = load_dataset(tmp_path / "a.parquet")
    assert [dataset[n].sample_id for n in range(3)] == ["r0", "r1", "r2"]


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, place: float) -> None:
    path = write(tmp_path / "a.parquet", rows(200))
    data = bytearray(path.read_bytes())
    at = int(place * len(data))
    data[at : at + 40] = os.urandom(40)
    path.write_bytes(data)
    try:
        assert len(load_dataset(path, check="none")) == 200
    except DatasetError as error:
        assert "a.parquet" in str(error)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"a\.parquet: cannot be read as a dataset"):
        load_dataset(path)


def arrays() -> list[Any]:
    import pyarrow as pa

    text = pa.array(["a" * 100, None, "b"])
    return [
        (text, [164, 64, 65]),
        (text.cast(pa.large_string()), [164, 64, 65]),
        (text.dictionary_encode(), [164, 64, 65]),
        (pa.array([1, 2, 3]), [64, 64, 64]),
        (pa.array([[], ["abc", "d"], None]), [64, 196, 64]),
        (pa.array([["x"], ["abc", "d"], None, []])[1:], [196, 64, 64]),
        (pa.array([{"a": "abc", "b": 1}, None, {"a": None, "b": 2}]), [195, 192, 192]),
        (pa.array([["ab"], ["c"]], pa.list_(pa.string(), 1)), [130, 129]),
        (pa.array([b"12", b"34"], pa.binary(2)), [66, 66]),
        (pa.RunEndEncodedArray.from_arrays([2, 3], ["abc", "d"])[1:], [67, 65]),
        (pa.array(["a" * 40], pa.string_view()), [104]),
        (pa.ListViewArray.from_arrays([0, 0], [2, 2], pa.array(["abc", "d"])), [196, 196]),
        (pa.array([[("k", "value")]], pa.map_(pa.string(), pa.string())), [64 + 64 + 65 + 69]),
        (pa.array([], pa.string()), []),
        (pa.array([None, None], pa.string()).dictionary_encode(), [64, 64]),
    ]  # fmt: skip


@pytest.mark.parametrize("place", range(15))
def test_sizes_of_rows_of_every_kind(place: int) -> None:
    import pyarrow as pa

    array, expected = arrays()[place]
    assert row_sizes(pa.table({"a": array})).tolist() == expected
    assert row_sizes(pa.record_batch({"a": array})).tolist() == expected


@pytest.mark.parametrize("name", ["rows", "table_bytes", "group_bytes", "row_bytes"])
def test_limits_are_numbers(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be at least 1"):
        TableLimits(**{name: 0})
