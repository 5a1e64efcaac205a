"""Files of rows in the formats that people have; each read lazily, or refused in one line."""

import base64
import csv
import gzip
import io
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vt_env.data.load import find_sample, load_dataset
from vt_env.errors import DataError, DatasetError
from vt_env.samples import Dataset

ROW: dict[str, Any] = {"image": "a.png", "question": "What is it?", "answer": "cat"}
ROWS = [ROW, {**ROW, "question": "猫 ¿é?"}, {**ROW, "id": "x", "answer": ["dog", 3]}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (60, 40), "red").save(tmp_path / "a.png")
    return tmp_path


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def errors_of(path: Path, **settings: Any) -> tuple[DataError, ...]:
    with pytest.raises(DatasetError) as caught:
        load_dataset(path, **settings)
    return caught.value.errors


def table(rows: list[list[str]], delimiter: str = ",") -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


def said(dataset: Dataset) -> list[tuple[str, tuple[str, ...]]]:
    return [(dataset[n].question, dataset[n].answers) for n in range(len(dataset))]


LINES = "\n".join(json.dumps(row) for row in ROWS)
INDENTED = json.dumps(ROWS, indent=2, ensure_ascii=False)
CSV = table([["image", "question", "answer"], ["a.png", "What is it?", "cat"],
             ["a.png", "猫 ¿é?", "cat"]])  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.jsonl", LINES),
        ("d.json", LINES),
        ("d.json", json.dumps(ROWS)),
        ("d.json", INDENTED),
        ("d.json", "\ufeff " + INDENTED + "\n"),
        ("d.jsonl", INDENTED),
        ("d.rows", INDENTED),
        ("d.ndjson", LINES),
        ("d.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("d.jsonl", gzip.compress(LINES.encode(), mtime=0)),
        ("d.json.gz", gzip.compress(INDENTED.encode(), mtime=0)),
    ],
)
def test_json_in_every_form(folder: Path, name: str, text: str | bytes) -> None:
    dataset = load_dataset(write(folder, name, text))
    assert dataset.name == "d"
    assert said(dataset) == [
        ("What is it?", ("cat",)),
        ("猫 ¿é?", ("cat",)),
        ("What is it?", ("dog", "3")),
    ]
    assert dataset[1].image.size() == (60, 40)
    assert find_sample(dataset, "x") == 2
    assert said(pickle.loads(pickle.dumps(dataset))) == said(dataset)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.csv", CSV),
        ("d.csv", CSV.replace(",", ";")),
        ("d.csv", "\ufeff" + CSV),
        ("d.CSV", CSV.replace("\r\n", "\n")),
        ("d.tsv", CSV.replace(",", "\t")),
        ("d.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
    ],
)
def test_tables_of_text(folder: Path, name: str, text: str | bytes) -> None:
    dataset = load_dataset(write(folder, name, text))
    assert said(dataset) == [("What is it?", ("cat",)), ("猫 ¿é?", ("cat",))]
    assert dataset[1].sample_id == "3"


def test_cells_are_text_as_written(folder: Path) -> None:
    header = ["image", "question", "answer", "tolerance", "needs_high_res", "options", "note"]
    path = write(
        folder,
        "d.csv",
        table(
            [
                header,
                ["a.png", 'Two\nlines, "quoted"?', "007", "0.5", "True", "", "1e3"],
                [],
                ["a.png", "Which?", "B", "", "", "['x', 'y, z']", ""],
            ]
        ),
    )
    dataset = load_dataset(path)
    first, second = dataset[0], dataset[1]
    assert (first.question, first.answers) == ('Two\nlines, "quoted"?', ("007",))
    assert (first.tolerance, first.needs_high_res, first.meta) == (0.5, True, {"note": "1e3"})
    assert (second.sample_id, second.choices, second.answers) == ("5", ("x", "y, z"), ("B",))


def encoded(color: str, side: int = 30) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), color).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_the_tables_of_vlmevalkit(tmp_path: Path) -> None:
    """Images in base64, options in columns, and rotations that name the row with their image."""
    header = ["index", "image", "question", "hint", "A", "B", "C", "D", "answer"]
    rows = [
        ["1000000", "0", "What color?", "", "blue", "red", "", "", "B"],
        ["0", encoded("red"), "What color?", "", "red", "blue", "", "", "A"],
        ["7", encoded("blue", 400), "What color?", "Look.", "red", "lime", "blue", "", "C"],
    ]
    path = write(tmp_path, "MMBench.tsv", table([header, *rows], "\t"))
    for dataset in (load_dataset(path), pickle.loads(pickle.dumps(load_dataset(path)))):
        assert [dataset[n].sample_id for n in range(3)] == ["1000000", "0", "7"]
        assert [dataset[n].answers for n in range(3)] == [("B",), ("A",), ("C",)]
        assert dataset[0].choices == ("blue", "red")
        colors = [dataset[n].image.load().getpixel((0, 0)) for n in (0, 1, 2)]
        assert colors == [(255, 0, 0), (255, 0, 0), (0, 0, 255)]
        assert dataset[2].meta == {"hint": "Look."}


def test_an_index_that_is_no_row_is_a_path(folder: Path) -> None:
    text = table([["index", "image", "question", "answer"], ["0", "9", "What?", "x"]])
    (error,) = errors_of(write(folder, "d.csv", text))
    assert error.problem.endswith("9: no such image file.")


READ = "what is read: JSON lines (.jsonl), a JSON array (.json), .csv, .tsv"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("d.xlsx", b"PK\x03\x04" + bytes(50), "is a zip archive"),
        ("d.jsonl", b"PAR1" + bytes(50), "is parquet, but not called .parquet"),
        ("d.arrow", b"ARROW1" + bytes(50), "is an Arrow file"),
        ("d.csv", CSV.encode("utf-16"), "is text in UTF-16"),
        ("d.pkl", b"\x80\x04\x95" + bytes(50), "is no text"),
        ("d.txt", "image question answer\n" * 50, "holds no JSON"),
        ("d.txt", CSV, "a table of text? Call it .csv or .tsv"),
        ("d.jsonl", CSV, "a table of text? Call it .csv or .tsv"),
        ("d.yaml", "- image: a.png\n" * 50, "holds no JSON"),
        ("d.json", json.dumps({"data": ROWS, "info": 1}, indent=1), "with 'data, info', not rows"),
        ("d.jsonl", "\n".join(json.dumps(row, indent=1) for row in ROWS), "over several lines"),
    ],
)
def test_other_formats_are_refused_in_one_line(
    folder: Path, name: str, text: str | bytes, problem: str
) -> None:
    (error,) = errors_of(write(folder, name, text))
    assert error.line is None
    assert problem in error.problem
    assert READ in error.problem


@pytest.mark.parametrize(
    ("name", "text", "line", "problem"),
    [
        ("d.json", json.dumps([ROW, 3]), 2, "expected an object with columns, got int"),
        ("d.json", json.dumps([ROW, ROW])[:-20], 2, "is not JSON"),
        ("d.json", json.dumps([ROW])[:-1], 1, "is the file whole?"),
        ("d.json", json.dumps([ROW])[:-1] + ",]", 2, "is not JSON"),
        ("d.json", json.dumps([ROW]) + "{}", 2, "follows the end of the JSON array: '{}'"),
        ("d.json", "[" * 10_000, 1, "is not JSON"),
        ("d.json", b'[{"image": "\xff"}]', 1, "is not UTF-8"),
        ("d.json", "[]", None, "there are no rows"),
        ("d.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)[:-9], None, "is not a whole gzip"),
        ("d.csv", "image,question,answer\na.png,What?\n", 2, "has 2 cells for 3 columns"),
        ("d.csv", 'image,question,answer\na.png,"What?,x\n', 2, "unexpected end of data"),
        ("d.csv", "image,answer,answer\n", 1, "is the name of two columns"),
        ("d.csv", "\n", 1, "expected the names of the columns"),
        ("d.csv", "image,question,answer\na.png,caf\xe9,x\n".encode("latin-1"), 2, "is not UTF-8"),
        ("d.csv", "image,question,answer\na.png,What?,\n", 2, "is missing: it is null"),
        ("d.csv", "image,question,answer\n\"['a.png', 'b.png']\",What?,x\n", 2,
         "expected one image, got a list of 2"),
        ("d.csv", "picture,question,answer\na.png,What?,x\n", 2,
         "is missing; the columns found are 'picture', 'question', 'answer'"),
    ],
)  # fmt: skip
def test_faults_of_a_file(
    folder: Path, name: str, text: str | bytes, line: int | None, problem: str
) -> None:
    (error,) = errors_of(write(folder, name, text))
    assert error.line == line
    assert problem in error.problem


def test_a_table_goes_on_after_a_bad_row(folder: Path) -> None:
    text = 'image,question,answer\na.png,"W"hat,x\na.png,,x\na.png,What?,x\na.png,What\n'
    assert [error.line for error in errors_of(write(folder, "d.csv", text))] == [2, 3, 5]


@pytest.mark.parametrize("name", ["d.json", "d.csv"])
def test_rows_stay_in_the_file(folder: Path, name: str) -> None:
    """Twenty bytes a row are held, whatever is in it."""
    long = {**ROW, "note": "x" * 2000}
    text = json.dumps([long] * 500)
    if name == "d.csv":
        text = table([[*long], *([*long.values()] for _ in range(500))])
    path = write(folder, name, text)
    dataset = load_dataset(path, check="none")
    assert dataset[499].meta["note"] == long["note"]
    assert len(pickle.dumps(dataset)) < 500 * 24 + 2000


def test_a_file_changed_after_validation_is_noticed(folder: Path) -> None:
    for name, text in (("d.json", json.dumps([ROW] * 3)), ("d.csv", CSV)):
        dataset = load_dataset(write(folder, name, text))
        write(folder, name, "changed")
        with pytest.raises(DataError, match=rf"{name}:[23]: "):
            _ = dataset[1]


def conversation(*turns: tuple[str, str], **columns: Any) -> dict[str, Any]:
    said = [{"from": who, "value": text} for who, text in turns]
    return {"image": "a.png", "conversations": said, **columns}


def test_conversations_of_llava_and_sharegpt(folder: Path) -> None:
    asked = ("human", "<image>\nWhat is it?")
    rows = [
        conversation(asked, ("gpt", "A cat.")),
        conversation(("system", "Look."), asked, ("gpt", "<think>…</think><answer>cat</answer>")),
        conversation(asked, answer="cat"),
        {
            "images": ["a.png"],
            "messages": [
                {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]},
                {"role": "assistant", "content": "cat"},
            ],
        },
    ]
    dataset = load_dataset(write(folder, "llava.json", json.dumps(rows)))
    assert said(dataset) == [
        ("What is it?", ("A cat.",)),
        ("What is it?", ("cat",)),
        ("What is it?", ("cat",)),
        ("What?", ("cat",)),
    ]


@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        (conversation(*[("human", "What?"), ("gpt", "cat")] * 2), "conversations",
         "holds 2 questions and 2 answers; a row has one question"),
        (conversation(("gpt", "cat")), "conversations", "holds 0 questions"),
        (conversation(("human", "What?")), "answer", "is missing"),
        (conversation(("human", "What?"), ("tool", "x")), "conversations", "a turn of 'tool'"),
        ({**ROW, "question": None, "conversations": "x"}, "conversations", "a list of turns"),
    ],
)  # fmt: skip
def test_conversations_that_cannot_be_one_question(
    folder: Path, row: dict[str, Any], field: str, problem: str
) -> None:
    (error,) = errors_of(write(folder, "d.json", json.dumps([row])))
    assert (error.line, error.field) == (1, field)
    assert problem in error.problem


def test_a_packed_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"question": "' + b"x" * 10_000 + b'"}\n'))
    monkeypatch.setattr("vt_env.data.row_files.MAX_UNPACKED", 2**12)
    with pytest.raises(DatasetError, match="unpack it to read it"):
        load_dataset(path)
