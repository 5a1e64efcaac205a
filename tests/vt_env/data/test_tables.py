"""Parquet and Hugging Face datasets, and the schemas of the field."""

import copy
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.vt_env.helpers import ASTRONAUT
from vt_env.data import tables, validation
from vt_env.data.load import find_sample, load_dataset
from vt_env.data.rows import ImageFiles, RowError, sample_from_row
from vt_env.errors import ConfigError, DataError, DatasetError, UnknownNameError
from vt_env.images.views import BytesImage

FILES = ImageFiles(ASTRONAUT.parent)
TURNS = [
    {"role": "system", "content": "You look at images."},
    {"role": "user", "content": "<image>Who is it?"},
]
SCHEMAS: dict[str, dict[str, Any]] = {
    "plain": {"image": "astronaut.png", "question": "Who is it?", "answer": "Eileen Collins"},
    "plain lists": {
        "images": ["astronaut.png"],
        "question": "Who is it?",
        "answers": ["Eileen Collins"],
    },
    "VisionThink": {
        "problem": "<image>\nWho is it?",
        "images": [{"path": "astronaut.png", "bytes": None}],
        "original_answer": "Eileen Collins",
        "solution": "nothing",
        "data_source": "vision",
        "doc_id": 7,
        "info": {"tgt_width": 256, "tgt_height": 256, "use_tool": True},
    },
    "verl": {
        "prompt": TURNS,
        "images": [{"path": "astronaut.png"}],
        "reward_model": {"style": "rule", "ground_truth": "Eileen Collins"},
        "extra_info": {"index": 3, "split": "train"},
        "data_source": "x",
    },
    "TRL text": {
        "prompt": "Who is it?",
        "image": "astronaut.png",
        "solution": "<think>…</think><answer> Eileen Collins </answer>",
    },
    "TRL turns": {
        "prompt": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Who is it?"}]}
        ],
        "images": ["astronaut.png"],
        "answer": "Eileen Collins",
    },
    "folder of images": {
        "file_name": "astronaut.png",
        "question": "Who is it?",
        "answer": "Eileen Collins",
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_becomes_the_same_sample(name: str) -> None:
    sample = sample_from_row(SCHEMAS[name], "1", FILES)
    assert sample.question == "Who is it?"
    assert sample.answers == ("Eileen Collins",)
    assert sample.image.size() == (512, 512)
    assert sample.needs_high_res is (True if name == "VisionThink" else None)


@pytest.mark.parametrize(
    ("schema", "change", "field", "problem"),
    [
        ("VisionThink", {"images": []}, "image", "a list of 0"),
        ("VisionThink", {"images": ["a.png", "b.png"]}, "image", "a list of 2"),
        ("VisionThink", {"info": {"use_tool": "yes"}}, "needs_high_res", "expected true, false"),
        ("VisionThink", {"original_answer": None, "solution": None}, "answer", "is missing"),
        ("verl", {"reward_model": {"style": "rule"}}, "reward_model", "ground_truth"),
        ("verl", {"prompt": None}, "prompt", "expected text or a list"),
        ("verl", {"prompt": [{"role": "system", "content": "x"}]}, "prompt", "no user turn"),
        ("verl", {"prompt": [{"role": "user", "content": None}]}, "prompt", "without text"),
        ("verl", {"prompt": [{"role": "user", "content": "<image>"}]}, "question", "is empty"),
        ("TRL text", {"prompt": 3}, "prompt", "expected text or a list"),
        ("TRL turns", {"answer": None}, "answer", "is missing"),
    ],
)
def test_faults_of_the_schemas(
    schema: str, change: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(RowError) as caught:
        sample_from_row({**SCHEMAS[schema], **change}, "1", FILES)
    assert caught.value.field == field
    assert problem in caught.value.problem


def encoded(color: str, size: tuple[int, int] = (60, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, format="PNG")
    return buffer.getvalue()


def rows(count: int = 5) -> list[dict[str, Any]]:
    colors = ("red", "lime", "blue")
    return [
        {
            "id": f"row-{n}",
            "problem": "What color?",
            "images": [{"bytes": encoded(colors[n % 3]), "path": None}],
            "original_answer": colors[n % 3],
        }
        for n in range(count)
    ]


def write_parquet(path: Path, records: list[dict[str, Any]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records), path)
    return path


def test_parquet_with_images_inside(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "smart.parquet", rows())
    dataset = load_dataset(path, cache_dir=tmp_path / "cache", check="decode")
    assert (dataset.name, len(dataset)) == ("smart", 5)
    sample = dataset[1]
    assert isinstance(sample.image, BytesImage)
    assert (sample.sample_id, sample.answers) == ("row-1", ("lime",))
    assert sample.image.load().getpixel((0, 0)) == (0, 255, 0)
    assert sample.image.size() == (60, 40)
    assert find_sample(dataset, "row-4") == 4
    with pytest.raises(IndexError):
        _ = dataset[5]
    with pytest.raises(ConfigError, match="no sample 'row-9'"):
        find_sample(dataset, "row-9")


def test_bad_rows_of_a_table_are_all_listed(tmp_path: Path) -> None:
    records = rows(100)
    records[3]["images"] = [{"bytes": encoded("red")[:40], "path": None}]
    records[50]["problem"] = " "
    records[99]["id"] = "row-0"
    path = write_parquet(tmp_path / "bad.parquet", records)
    with pytest.raises(DatasetError) as caught:
        load_dataset(path, cache_dir=tmp_path / "cache", check="decode")
    found = [(error.line, error.field) for error in caught.value.errors]
    assert found == [(4, "image"), (51, "question"), (100, "id")]
    assert "row 4: " in str(caught.value)


@pytest.mark.parametrize("batch_bytes", [1, 500, 2**24])
def test_rows_are_the_same_however_many_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int
) -> None:
    monkeypatch.setattr(tables, "BATCH_BYTES", batch_bytes)
    monkeypatch.setattr(validation, "PROGRESS_SECONDS", 0.0)
    records = rows(23)
    records[7]["problem"] = ""
    path = write_parquet(tmp_path / "a.parquet", records)
    told: list[DataError] = []
    with pytest.raises(DatasetError, match=r"a\.parquet:8: field 'question'"):
        load_dataset(path, cache_dir=tmp_path / "cache", on_error=told.append)
    assert [error.line for error in told] == [8]
    shares: list[float] = []
    good = write_parquet(tmp_path / "b.parquet", rows(23))
    dataset = load_dataset(good, cache_dir=tmp_path / "cache", progress=shares.append)
    assert [dataset[n].sample_id for n in range(23)] == [f"row-{n}" for n in range(23)]
    assert shares == [*(n / 23 for n in range(23)), 1.0]
    copied = copy.deepcopy(dataset)
    assert copied[5].sample_id == pickle.loads(pickle.dumps(dataset))[5].sample_id == "row-5"


def test_a_folder_of_parquet_files_by_split(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_parquet(folder / "train-00000-of-00002.parquet", rows(3))
    write_parquet(
        folder / "train-00001-of-00002.parquet", [{**r, "id": r["id"] + "b"} for r in rows(2)]
    )
    write_parquet(folder / "test-00000-of-00001.parquet", rows(1))
    cache = tmp_path / "cache"
    assert len(load_dataset(folder, split="train", cache_dir=cache)) == 5
    assert len(load_dataset(folder, split="test", cache_dir=cache)) == 1
    with pytest.raises(ConfigError, match="one of test, train"):
        load_dataset(folder, cache_dir=cache)
    with pytest.raises(UnknownNameError, match="Did you mean 'train'"):
        load_dataset(folder, split="trian", cache_dir=cache)


LAYOUTS: dict[str, dict[str, int]] = {
    "folders": {"train/0000.parquet": 3, "train/0001.parquet": 2, "test/0000.parquet": 4},
    "shards": {"0000.parquet": 3, "0001.parquet": 2},
    "configurations": {
        "DocVQA/test-00000-of-00002.parquet": 1,
        "DocVQA/test-00001-of-00002.parquet": 2,
        "Info/test-00000-of-00001.parquet": 4,
    },
    "converted": {"default/train/0000.parquet": 3, "default/test/0000.parquet": 4},
    "names": {"data/test-00000-of-00001.parquet": 1, "data/test-hard-00000-of-00001.parquet": 4},
}


@pytest.mark.parametrize(
    ("layout", "settings", "count"),
    [
        ("folders", {"split": "train"}, 5),
        ("folders", {"split": "test"}, 4),
        ("shards", {}, 5),
        ("shards", {"split": "train"}, 5),
        ("configurations", {"config": "DocVQA"}, 3),
        ("configurations", {"config": "Info", "split": "test"}, 4),
        ("converted", {"split": "train"}, 3),
        ("names", {"split": "test"}, 1),
        ("names", {"split": "test-hard"}, 4),
        ("folders", {}, r"split must be one of test, train\."),
        ("configurations", {"split": "test"}, "config must be one of DocVQA, Info"),
        ("converted", {}, r"split must be one of test, train\."),
        ("names", {}, r"split must be one of test, test-hard\."),
    ],
)
def test_no_row_of_one_split_is_in_another(
    tmp_path: Path, layout: str, settings: dict[str, str], count: int | str
) -> None:
    for name, rows_there in LAYOUTS[layout].items():
        part = [{**row, "id": f"{name} {row['id']}"} for row in rows(rows_there)]
        write_parquet(tmp_path / "set" / name, part)
    given: dict[str, Any] = {**settings, "cache_dir": tmp_path / "cache"}
    if isinstance(count, str):
        with pytest.raises(ConfigError, match=count):
            load_dataset(tmp_path / "set", **given)
        return
    dataset = load_dataset(tmp_path / "set", **given)
    told = {dataset[n].sample_id.partition(" ")[0] for n in range(len(dataset))}
    assert len(dataset) == count
    kept = settings.get("config", settings.get("split", ""))
    assert all(name.removeprefix("data/").partition("-0")[0].startswith(kept) or "000" in name
               or kept in name for name in told)  # fmt: skip
    assert sum(LAYOUTS[layout][name] for name in told) == count


def test_a_copy_of_a_repository_is_read_by_its_card(tmp_path: Path) -> None:
    card = (
        "---\nconfigs:\n- config_name: {0}\n  data_files:\n  - split: train\n    path: x/*\n---\n"
    )
    folder = tmp_path / "set"
    write_parquet(folder / "x" / "test-a.parquet", rows(2))
    (folder / "README.md").write_text(card.format("mine"))
    dataset = load_dataset(folder, split="train", cache_dir=tmp_path / "cache")
    assert len(dataset) == 2
    with pytest.raises(ConfigError, match=r"config='other': .*'mine'"):
        load_dataset(folder, config="other", cache_dir=tmp_path / "cache")


def test_a_table_beside_rows_is_ambiguous(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train.parquet", rows(1))
    (tmp_path / "data.jsonl").write_text("{}")
    with pytest.raises(ConfigError, match=r"more than one dataset: .* data.jsonl, train.parquet"):
        load_dataset(tmp_path)
    write_parquet(tmp_path / "other" / "train" / "0.parquet", rows(1))
    (tmp_path / "other" / "metadata.jsonl").write_text("{}")
    with pytest.raises(ConfigError, match=r"metadata.jsonl, train/0.parquet"):
        load_dataset(tmp_path / "other")


def test_text_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [{k: v for k, v in row.items() if k != "problem"} for row in rows(3)]
    plain = pa.Table.from_pylist(records)
    problems = pa.array([b"What?", b"caf\xe9?", b"Which?"]).view(pa.string())
    pq.write_table(plain.append_column("problem", problems), tmp_path / "a.parquet")
    with pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path / "a.parquet", cache_dir=tmp_path / "cache")
    (error,) = caught.value.errors
    assert (error.line, error.field) == (2, "problem")
    assert "is not UTF-8" in error.problem


def test_answers_of_a_table_with_options(tmp_path: Path) -> None:
    """The forms of ScienceQA (an index) and AI2D (an index as text, numeric options)."""
    image = {"bytes": encoded("red"), "path": None}
    records = [
        {"image": image, "question": "Which?", "choices": ["cat", "dog"], "answer": "1"},
        {"image": image, "question": "How many?", "choices": ["1", "2", "3"], "answer": "1"},
    ]
    path = write_parquet(tmp_path / "a.parquet", records)
    cache = tmp_path / "cache"
    with pytest.raises(
        DatasetError, match=r"a.parquet:2: field 'answer'.*answers='index' or 'text'"
    ):
        load_dataset(path, cache_dir=cache)
    dataset = load_dataset(path, cache_dir=cache, answers="index")
    assert [dataset[n].answers for n in range(2)] == [("B",), ("B",)]
    with pytest.raises(UnknownNameError, match="Did you mean 'index'"):
        load_dataset(path, cache_dir=cache, answers="indx")


def test_a_dataset_saved_by_datasets_with_its_image_type(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features(
        {
            "problem": datasets.Value("string"),
            "original_answer": datasets.Value("string"),
            "images": datasets.List(datasets.Image()),
        }
    )
    records = [{k: v for k, v in row.items() if k != "id"} for row in rows()]
    saved = datasets.Dataset.from_list(records, features=features)
    datasets.DatasetDict({"train": saved}).save_to_disk(str(tmp_path / "dict"))
    saved.save_to_disk(str(tmp_path / "one"))
    for folder in ("dict", "one"):
        dataset = load_dataset(tmp_path / folder)
        assert dataset[2].image.load().getpixel((0, 0)) == (0, 0, 255)
        assert dataset[2].sample_id == "3"


def test_a_folder_with_lines(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded("red"))
    row = {"file_name": "a.png", "question": "What?", "answer": "red"}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row))
    assert load_dataset(tmp_path)[0].image.size() == (60, 40)


def test_folders_and_settings_that_cannot_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a folder with neither"):
        load_dataset(tmp_path)
    with pytest.raises(UnknownNameError, match=r"missing\.parquet"):
        load_dataset(tmp_path / "missing.parquet")
    with pytest.raises(ConfigError, match="not 'colour'"):
        load_dataset(tmp_path, colour="red")


def test_a_file_that_is_no_table_is_a_dataset_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1garbage")
    with pytest.raises(DatasetError, match=r"bad\.parquet: cannot be read as a dataset"):
        load_dataset(path, cache_dir=tmp_path / "cache")


def test_tables_are_imported_only_where_they_are_used() -> None:
    code = "import sys, vt_env; print(sorted({'datasets', 'pyarrow', 'pandas'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
