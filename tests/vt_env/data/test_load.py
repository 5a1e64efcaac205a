"""Datasets: validated whole, read on use."""

import json
import pickle
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.vt_env.helpers import ASTRONAUT, SAMPLE, ListDataset, real_pictures
from vt_env.data import validation
from vt_env.data.jsonl import JsonlDataset
from vt_env.data.load import MAX_SCAN, find_sample, load_dataset
from vt_env.data.rows import ImageFiles, RowError, sample_from_row
from vt_env.data.validation import MAX_ERRORS, Validator
from vt_env.errors import ConfigError, DataError, DatasetError, UnknownNameError
from vt_env.images.views import FileImage
from vt_env.samples import Dataset, Sample
from vt_env.tasks import World

ROW: dict[str, Any] = {"image": "a.png", "question": "What is it?", "answer": "cat"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (60, 40), "red").save(tmp_path / "a.png")
    return tmp_path


def write(folder: Path, *rows: object) -> Path:
    path = folder / "data.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def errors_of(path: Path, **settings: Any) -> tuple[DataError, ...]:
    with pytest.raises(DatasetError) as caught:
        load_dataset(path, **settings)
    return caught.value.errors


def test_the_least_row_and_the_fullest(folder: Path) -> None:
    full = {
        "id": "x-1",
        "kind": "choice",
        "choices": ["cat", "dog"],
        "tolerance": 0.5,
        "needs_high_res": True,
        "family": "pets",
        "answer": ["cat", "B"],
        "source": "camera",
    }
    dataset = load_dataset(write(folder, ROW, {**ROW, **full}))
    assert isinstance(dataset, Dataset)
    assert (dataset.name, len(dataset)) == ("data", 2)
    least, fullest = dataset[0], dataset[1]
    assert (least.sample_id, least.answers, least.family) == ("1", ("cat",), "default")
    assert (least.kind, least.choices, least.tolerance, least.needs_high_res) == (None,) * 4
    assert least.image.size() == (60, 40)
    assert fullest.sample_id == "x-1"
    assert fullest.answers == ("A", "B")
    assert fullest.choices == ("cat", "dog")
    assert (fullest.kind, fullest.tolerance, fullest.family) == ("choice", 0.5, "pets")
    assert fullest.needs_high_res is True
    assert fullest.meta == {"source": "camera"}


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"image": None}, "image", "is missing"),
        ({"image": 3}, "image", "expected a path, got int"),
        ({"image": " "}, "image", "is empty"),
        ({"image": "b.png"}, "image", "no such image file"),
        ({"image": "."}, "image", "no such image file"),
        ({"image": "../a.png"}, "image", "outside of the dataset's folder"),
        ({"image": str(ASTRONAUT)}, "image", "outside of the dataset's folder"),
        ({"image": "https://example.com/a.png"}, "image", "is a URL"),
        ({"image": "a\x00.png"}, "image", "cannot be a path"),
        ({"image": "a" * 5000}, "image", "cannot be a"),
        ({"image": "b/" * 200 + "b.png"}, "image", "b/b/b.png: no such image file"),
        ({"question": None}, "question", "is missing"),
        ({"question": "  \n"}, "question", "is empty"),
        ({"question": ["What?"]}, "question", "expected text, got list"),
        ({"answer": None}, "answer", "is missing"),
        ({"answer": ""}, "answer", "is empty"),
        ({"answer": []}, "answer", "an empty list"),
        ({"answer": ["cat", None]}, "answer", "got null"),
        ({"answer": True}, "answer", "got bool"),
        ({"answer": {"text": "cat"}}, "answer", "got object"),
        ({"answer": float("nan")}, "answer", "nan is no answer"),
        ({"id": ""}, "id", "is empty"),
        ({"id": 1.5}, "id", "expected text, got float"),
        ({"kind": "word"}, "kind", "expected one of text, number"),
        ({"kind": ["text"]}, "kind", "expected one of"),
        ({"choices": "AB"}, "choices", "expected a list"),
        ({"choices": ["A"]}, "choices", "at least two"),
        ({"choices": ["A", 1]}, "choices", "expected a list of texts"),
        ({"kind": "text", "choices": ["cat", "dog"]}, "kind", "a question with options is of kind"),
        ({"kind": "k" * 9999}, "kind", "got 'kkk"),
        ({"tolerance": -1}, "tolerance", "from 0 up"),
        ({"tolerance": float("inf")}, "tolerance", "finite"),
        ({"tolerance": "1"}, "tolerance", "expected a number, got text"),
        ({"needs_high_res": 1}, "needs_high_res", "expected true, false or null"),
        ({"family": 3}, "family", "expected text"),
    ],
)
def test_a_bad_row_names_file_line_field_and_problem(
    folder: Path, change: dict[str, Any], field: str, problem: str
) -> None:
    path = write(folder, ROW, "", {**ROW, **change}, ROW)
    (error,) = errors_of(path)
    assert (error.file, error.line, error.field) == (str(path), 3, field)
    assert problem in error.problem
    assert len(error.problem) < 250 + len(str(folder))
    assert f"{path}:3: field '{field}': " in str(error)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not JSON"),
        ("cat", "is not JSON"),
        ("[" * 10_000, "is not JSON"),
        ("[1, 2]", "expected an object with columns, got list"),
        ("null", "got null"),
        ('"text"', "got text"),
    ],
)
def test_lines_that_are_no_rows(folder: Path, line: str, problem: str) -> None:
    (error,) = errors_of(write(folder, ROW, line))
    assert (error.line, error.field) == (2, None)
    assert problem in error.problem


def test_three_bad_rows_of_a_thousand_are_all_listed(folder: Path) -> None:
    rows = [dict(ROW) for _ in range(1000)]
    rows[16]["question"] = ""
    rows[499]["image"] = "missing.png"
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:60])
    rows[999]["image"] = "broken.png"
    path = write(folder, *rows)
    with pytest.raises(DatasetError) as caught:
        load_dataset(path)
    found = [(error.line, error.field) for error in caught.value.errors]
    assert found == [(17, "question"), (500, "image"), (1000, "image")]
    assert caught.value.rows == 1000
    assert str(caught.value).startswith("3 of 1000 rows cannot be used:\n")
    assert all(f"{path}:{line}: " in str(caught.value) for line in (17, 500, 1000))


def test_a_truncated_image_is_found_by_decoding_only(folder: Path) -> None:
    data = ASTRONAUT.read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    path = write(folder, {**ROW, "image": "cut.png"}, {**ROW, "image": "cut.png"})
    errors = errors_of(path)
    assert [(error.line, error.field) for error in errors] == [(1, "image"), (2, "image")]
    assert "truncated" in errors[0].problem
    assert len(load_dataset(path, check="header")) == 2
    assert len(load_dataset(path, check="none")) == 2
    with pytest.raises(ConfigError, match="check is one of"):
        load_dataset(path, check="all")


def test_limits_on_images(folder: Path) -> None:
    path = write(folder, ROW)
    (error,) = errors_of(path, max_image_pixels=100)
    assert "60x40 pixels exceed" in error.problem
    (error,) = errors_of(path, max_image_bytes=10, check="header")
    assert "exceed the limit of 10 bytes" in error.problem


def test_repeated_ids(folder: Path) -> None:
    path = write(
        folder, {**ROW, "id": "x"}, {**ROW, "id": 2}, {**ROW, "id": "x"}, {**ROW, "id": "2"}
    )
    errors = errors_of(path)
    assert [(error.line, error.field) for error in errors] == [(3, "id"), (4, "id")]
    assert "that of line 1" in errors[0].problem


def test_an_empty_file(folder: Path) -> None:
    (error,) = errors_of(write(folder, "", " "))
    assert (error.line, error.field) == (None, None)


def test_encodings(folder: Path) -> None:
    path = folder / "data.jsonl"
    row = json.dumps({**ROW, "question": "Qu'est-ce que c'est? 猫"}, ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + row.encode() + b"\r\n\r\n" + row.encode())
    dataset = load_dataset(path)
    assert [dataset[index].question[-1] for index in range(2)] == ["猫", "猫"]
    path.write_bytes(row.encode() + b"\n" + row.encode("utf-16") + b"\n")
    assert errors_of(path)[0].problem.startswith("is not UTF-8")


def test_paths_are_relative_to_the_root_and_confined_to_it(folder: Path) -> None:
    (folder / "sub").mkdir()
    path = write(folder / "sub", {**ROW, "image": "../a.png"})
    assert errors_of(path)[0].field == "image"
    assert load_dataset(path, confined=False)[0].image.size() == (60, 40)
    path = write(folder / "sub", ROW)
    assert load_dataset(path, root=folder)[0].image.size() == (60, 40)
    (folder / "sub" / "link.png").symlink_to(folder / "a.png")
    path = write(folder / "sub", {**ROW, "image": "link.png"})
    assert "outside" in errors_of(path)[0].problem
    inside = write(folder, {**ROW, "image": str(folder / "a.png")})
    assert load_dataset(inside)[0].image.size() == (60, 40)


def test_a_file_changed_after_validation_is_noticed(folder: Path) -> None:
    path = write(folder, ROW, ROW)
    dataset = load_dataset(path)
    path.write_text("{}\n" * 100)
    with pytest.raises(DataError, match=r"data\.jsonl:2: "):
        _ = dataset[1]


def test_indices_and_ids(folder: Path) -> None:
    dataset = load_dataset(write(folder, *({**ROW, "id": f"s{n}"} for n in range(20)), ROW))
    assert find_sample(dataset, "s13") == 13
    assert find_sample(dataset, "21") == 20
    for index in (-1, 21):
        with pytest.raises(IndexError):
            _ = dataset[index]
    with pytest.raises(ConfigError, match="has no sample 's99'"):
        find_sample(dataset, "s99")
    assert pickle.loads(pickle.dumps(dataset))[13].sample_id == "s13"


class CountingDataset(ListDataset):
    """A dataset that counts how often it is read."""

    reads = 0

    def __getitem__(self, index: int) -> Sample:
        CountingDataset.reads += 1
        return super().__getitem__(index % len(self.samples))

    def __len__(self) -> int:
        return MAX_SCAN + 1


WRONG_IDS = ["train-3-77", "test-2-77", "test-3--1", "test-3-077", "test-3-100000", "test-3-٣",
             "test-3-", "test-3-" + "9" * 5000, "", "77", "\ud800"]  # fmt: skip


def test_a_sample_of_the_world_is_found_by_its_id_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(split="test", seed=3)
    ids = [world[index].sample_id for index in (0, 77, len(world) - 1)]
    monkeypatch.delattr(World, "__getitem__")  # no sample is drawn to find one, or to find none
    assert [find_sample(world, sample_id) for sample_id in ids] == [0, 77, len(world) - 1]
    for wrong in WRONG_IDS:
        with pytest.raises(ConfigError, match="has no sample"):
            find_sample(world, wrong)


def test_finding_samples_of_datasets_without_an_index() -> None:
    samples = tuple(replace(SAMPLE, sample_id=name) for name in ("x9", "y", "7"))
    listed = ListDataset(samples)
    assert [find_sample(listed, sample.sample_id) for sample in samples] == [0, 1, 2]
    with pytest.raises(ConfigError, match=r"has no sample 'z'\.$"):
        find_sample(listed, "z")
    with pytest.raises(ConfigError, match="among its first 10000; reset by index, or give"):
        find_sample(CountingDataset(samples), "z")
    assert CountingDataset.reads == MAX_SCAN


def test_an_image_that_many_rows_share_is_checked_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks: list[str] = []
    check = FileImage.check

    def counting(self: FileImage, decode: bool = True) -> None:
        checks.append(self.name)
        check(self, decode)

    monkeypatch.setattr(FileImage, "check", counting)
    dataset = load_dataset(write(folder, *(ROW for _ in range(10_000))))
    assert len(checks) == 1
    assert len(pickle.dumps(dataset)) < 10_000 * 24  # 20 bytes a row; the rows stay in the file


def test_what_is_remembered_of_images_is_bounded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "MAX_REMEMBERED", 2)
    names = [f"{number}.png" for number in range(5)]
    for name in names:
        (folder / name).write_bytes((folder / "a.png").read_bytes())
    names.append("missing.png")
    rows = [{**ROW, "image": name} for name in names * 3]
    assert [error.line for error in errors_of(write(folder, *rows))] == [6, 12, 18]


def test_very_many_bad_rows_are_counted_and_told_one_by_one(folder: Path) -> None:
    count = MAX_ERRORS + 7
    path = write(folder, ROW, *["no json"] * count)
    told: list[DataError] = []
    with pytest.raises(DatasetError) as caught:
        load_dataset(path, on_error=told.append)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (len(error.errors), error.rows, error.bad) == (MAX_ERRORS, count + 1, count)
    assert str(error).startswith(f"{count} of {count + 1} rows cannot be used:\n")
    assert str(error).endswith("… and 7 more; `visionthink data check` lists all of them.")
    assert [one.line for one in told] == list(range(2, count + 2))


def test_checking_holds_a_few_bytes_a_row() -> None:
    """Resident memory over a million rows is measured by `python -m benchmarks.speed.data`."""
    validator, rows = Validator("data", "none"), 20_000
    tracemalloc.start()
    try:
        for number in range(rows):
            sample = replace(SAMPLE, sample_id=str(number))
            validator.row(number + 1, lambda sample=sample: sample, number / rows)
        assert len(validator.finish()) == rows
        assert tracemalloc.get_traced_memory()[1] < 50 * rows
    finally:
        tracemalloc.stop()


def test_progress_rises_to_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "PROGRESS_SECONDS", 0.0)
    shares: list[float] = []
    load_dataset(write(folder, *(ROW for _ in range(50))), progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 10
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_real_pictures_as_a_dataset(tmp_path: Path) -> None:
    rows = [{**ROW, "image": str(path)} for path in real_pictures()]
    dataset = load_dataset(write(tmp_path, *rows), confined=False)
    assert len(dataset) == len(rows)
    assert dataset[3].image.load().mode == "RGB"


def test_names_and_objects() -> None:
    world = load_dataset("world", split="test", seed=5)
    assert world == World(split="test", seed=5)
    assert load_dataset(world) is world
    with pytest.raises(UnknownNameError, match="Did you mean 'world'"):
        load_dataset("wrld")
    with pytest.raises(UnknownNameError, match=r"'no/such\.jsonl'"):
        load_dataset("no/such.jsonl")
    with pytest.raises(ConfigError, match="not 'splt'"):
        load_dataset("world", splt="test")
    with pytest.raises(ConfigError, match="takes no settings"):
        load_dataset(world, split="test")
    with pytest.raises(ConfigError, match="not int"):
        load_dataset(7)  # type: ignore[arg-type]


def test_settings_of_files(folder: Path) -> None:
    path = write(folder, ROW)
    with pytest.raises(ConfigError, match="not 'split'"):
        load_dataset(path, split="test")
    with pytest.raises(ConfigError, match="not 'path'"):
        load_dataset("world", path=path)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


COLUMNS = [*ROW, "id", "kind", "choices", "options", "A", "B", "answers", "tolerance"]


@given(st.dictionaries(st.sampled_from(COLUMNS), json_values))
def test_any_row_becomes_a_sample_or_a_row_error(row: dict[str, Any]) -> None:
    try:
        sample = sample_from_row({**ROW, **row}, "1", ImageFiles(Path("/data")))
    except RowError as error:
        assert error.field in COLUMNS
        assert 0 < len(error.problem) < 500
    else:
        assert isinstance(sample.image, FileImage)
        assert sample.question.strip()
        assert all(answer.strip() for answer in sample.answers)


def test_errors_survive_pickling(folder: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        JsonlDataset.load(write(folder, {**ROW, "answer": []}))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.errors[0].field == "answer"
