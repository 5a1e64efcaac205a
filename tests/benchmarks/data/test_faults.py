"""Faults of data: a program and ``visionthink data check`` are told the same, and where."""

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.cli.main import main
from vt_env.data.load import load_dataset
from vt_env.errors import VisionThinkError

ROW: dict[str, Any] = {"image": "a.png", "question": "Which?", "answer": "B"}
PICTURE = io.BytesIO()
Image.effect_noise((300, 300), 90).save(PICTURE, format="PNG")
BASE64 = base64.b64encode(PICTURE.getvalue()).decode()
NUMBERS = {"choices": ["1", "2", "3", "4"]}
ANIMALS = {"choices": ["cat", "dog", "bird"]}


def lines(*changes: dict[str, Any]) -> str:
    return "".join(json.dumps({**ROW, **change}) + "\n" for change in (*changes, {"id": "last"}))


FAULTS: dict[str, tuple[str, str | bytes, str]] = {
    "an index that could be a text": (
        "d.jsonl", lines({**NUMBERS, "answer": 2}),
        "d.jsonl:1: field 'answer': 2 can be read as index option C '3'"),
    "a letter beyond the options": (
        "d.jsonl", lines({**ANIMALS, "answer": "E"}), "d.jsonl:1: field 'answer': 'E' is beyond"),
    "an index beyond the options": (
        "d.jsonl", lines({**ANIMALS, "answer": 3}), "d.jsonl:1: field 'answer': 3 is beyond"),
    "a text that is no option": (
        "d.jsonl", lines({**ANIMALS, "answer": "fish"}), "field 'answer': 'fish' names none"),
    "options without a gap": (
        "d.jsonl", lines({"A": "cat", "B": "dog", "D": "bird"}), "field 'A': expected options"),
    "a lone surrogate": (
        "d.jsonl", lines({"question": "x\ud800"}), "d.jsonl:1: field 'question': holds text that"),
    "a lone surrogate in what is kept": (
        "d.jsonl", lines({"note": {"by": ["\udfff"]}}), "d.jsonl:1: field 'note': holds text that"),
    "a broken image in base64": (
        "d.jsonl", lines({"image": BASE64[:9000]}), "field 'image': row 1: cannot be decoded"),
    "what is no image, in base64": (
        "d.jsonl", lines({"image": "QUJD" * 300_000}), "field 'image': 'QUJD"),
    "a missing column": (
        "d.jsonl", lines({"image": None}).replace('"image"', '"img"'),
        "is missing; the columns found are 'img', 'question', 'answer'"),
    "a JSON object": (
        "d.json", json.dumps({"rows": [ROW]}, indent=1), "d.json: holds an object over several"),
    "a zip archive": ("d.xlsx", b"PK\x03\x04" + bytes(99), "d.xlsx: is a zip archive; what"),
    "a table called JSONL": ("d.jsonl", "image,question,answer\n" * 9, "Call it .csv or .tsv"),
    "half a file": (
        "d.jsonl.gz", gzip.compress(lines().encode(), mtime=0)[:-9], "not a whole gzip file"),
    "cells that are not there": (
        "d.csv", "image,question,answer\na.png,x\n", "d.csv:2: has 2 cells for 3 columns"),
}  # fmt: skip


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["data", "check", *arguments])
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_by_both(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PICTURE.seek(0)
    Image.open(PICTURE).save(tmp_path / "a.png")
    file, contents, expected = FAULTS[name]
    path = tmp_path / file
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    with pytest.raises(VisionThinkError) as caught:
        load_dataset(path)
    assert expected in str(caught.value)
    code, said = checked(capsys, str(path))
    assert code == 2
    assert expected in said
    assert max(len(str(caught.value)), len(said)) < 1500


@pytest.mark.parametrize(
    ("file", "contents", "options"),
    [
        ("d.jsonl", lines({**NUMBERS, "answer": 2}), ["--data.answers", "index"]),
        ("d.jsonl", lines({"image": BASE64}), []),
        ("d.jsonl", lines({"image": f"data:image/png;base64,{BASE64}"}), []),
        ("d.jsonl", lines({"answers": ["x", "y"]}), []),
        ("d.json", json.dumps([ROW, ROW]), []),
        ("d.csv", "image,question,A,B,answer\na.png,Which?,cat,dog,B\na.png,x,y,z,A\n", []),
        ("d.jsonl.gz", gzip.compress(lines({}).encode(), mtime=0), []),
    ],
)
def test_what_is_sound_is_so_for_both(
    file: str,
    contents: str | bytes,
    options: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    PICTURE.seek(0)
    Image.open(PICTURE).save(tmp_path / "a.png")
    path = tmp_path / file
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    settings = {"answers": options[1]} if options else {}
    assert len(load_dataset(path, **settings)) == 2
    code, said = checked(capsys, str(path), *options)
    assert code == 0
    assert "2 samples, all usable" in said


def test_twenty_broken_images_in_base64_take_a_few_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "d.jsonl"
    text = "\n".join(json.dumps({**ROW, "image": "A" * 800_000}) for _ in range(20))
    path.write_text(text)
    code, said = checked(capsys, str(path))
    assert code == 2
    assert len(said) < 20 * 400


def test_the_splits_of_a_folder_are_listed_by_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in ("DocVQA/test-00000-of-00001", "Info/train/0000", "Info/test/0000"):
        path = tmp_path / "set" / f"{name}.parquet"
        path.parent.mkdir(parents=True)
        row = {**ROW, "image": {"bytes": PICTURE.getvalue(), "path": None}, "id": name}
        pq.write_table(pa.Table.from_pylist([row]), path)
    for given, expected in (
        ([], "config must be one of DocVQA, Info"),
        (["--data.config", "Info"], "split must be one of test, train"),
        (["--data.config", "Inf"], "Did you mean 'Info'"),
    ):
        code, said = checked(capsys, str(tmp_path / "set"), *given)
        assert code == 2
        assert expected in said
    code, said = checked(capsys, str(tmp_path / "set"), "--data.config", "Info", "--split", "train")
    assert (code, "1 samples, all usable" in said) == (0, True)
