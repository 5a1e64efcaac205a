"""``visionthink data export``: what is written is read back, and never half a file."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmarks.data import export as module
from benchmarks.data.export import OWN_COLUMNS, export, row_groups, target, to_row
from benchmarks.data.sources import DataSource
from tests.benchmarks.runner import Result, invoke
from vt_env.data.load import load_dataset
from vt_env.data.rows import ImageFiles, RowError, sample_from_row
from vt_env.errors import ConfigError, VisionThinkError
from vt_env.images.views import MemoryImage
from vt_env.samples import Sample
from vt_env.settings.tree import build
from vt_env.tasks import World

FAMILIES = ("textures", "objects")
TEXTURES = build(DataSource, {"world.families": ["textures"]})


def run(*arguments: str) -> Result:
    return invoke("data", "export", *arguments)


def assert_same(first: Sample, second: Sample) -> None:
    """Compares all but what the schema itself adds to the meta data."""
    for name in ("sample_id", "question", "answers", "family", "kind", "choices", "tolerance"):
        assert getattr(first, name) == getattr(second, name), name
    assert first.needs_high_res is second.needs_high_res
    metas = [
        {key: value for key, value in sample.meta.items() if key not in OWN_COLUMNS}
        for sample in (first, second)
    ]
    assert json.loads(json.dumps(metas[0])) == metas[1]
    pixels = [np.asarray(sample.image.load()) for sample in (first, second)]
    assert np.array_equal(*pixels)


def test_the_world_comes_back_as_it_was(tmp_path: Path) -> None:
    options = ("--world.suite", "mixed", "--world.families", ",".join(FAMILIES))
    options += ("--split", "test", "--canvas", "224")
    done = run("--out", str(tmp_path / "out"), *options, "--world.seed", "3", "--samples", "40")
    assert done.exit_code == 0, done.output
    assert "40 samples" in done.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["test.parquet"]
    world = World("test", 3, 224, "mixed", FAMILIES)
    read = load_dataset(tmp_path / "out", cache_dir=tmp_path / "cache", check="decode")
    assert len(read) == 40
    assert {read[n].needs_high_res for n in range(40)} >= {True, False}
    for n in range(40):
        assert_same(world[n], read[n])


def test_the_columns_are_those_of_visionthink(tmp_path: Path) -> None:
    path = export(TEXTURES, tmp_path / "a.parquet", 2)
    row = pq.read_table(path).to_pylist()[0]
    sample = World(suite="mixed", families=("textures",))[0]
    published = {"problem", "images", "original_answer", "solution", "data_source", "doc_id"}
    assert published | {"info"} <= set(row)
    assert row["problem"] == f"<image>\n{sample.question}"
    assert row["original_answer"] in row["solution"]
    assert row["info"] == {"tgt_width": 84, "tgt_height": 84, "use_tool": sample.needs_high_res}
    (image,) = row["images"]
    assert Image.open(io.BytesIO(image["bytes"])).format == "PNG"


def test_a_dataset_of_ones_own_comes_back_too(tmp_path: Path) -> None:
    Image.effect_noise((90, 60), 80).save(tmp_path / "a.jpg")
    rows: list[dict[str, Any]] = [
        {"image": "a.jpg", "question": "What?", "answer": ["x", "y"], "needs_high_res": None},
        {"image": "a.jpg", "question": "Which?", "answer": "B", "choices": ["x", "y"], "id": "q"},
        {"image": "a.jpg", "question": "How far?", "answer": 2.5, "tolerance": 0.5, "source": "me"},
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = load_dataset(data)
    done = run("--data", str(data), "--out", str(tmp_path / "one"))
    assert done.exit_code == 0, done.output
    second = load_dataset(tmp_path / "one" / "data.parquet", cache_dir=tmp_path / "cache")
    export(build(DataSource, {"data.name": str(tmp_path / "one")}), tmp_path / "two.parquet", 0)
    third = load_dataset(tmp_path / "two.parquet", cache_dir=tmp_path / "cache")
    assert len(first) == len(second) == len(third) == 3
    for n in range(3):
        assert_same(first[n], second[n])
        assert_same(first[n], third[n])


def test_options_are_in_the_problem_that_others_read(tmp_path: Path) -> None:
    Image.new("RGB", (90, 60)).save(tmp_path / "a.jpg")
    row = {"image": "a.jpg", "question": "Which?", "answer": 1, "choices": ["cat", "dog"]}
    (tmp_path / "data.jsonl").write_text(json.dumps(row))
    path = export(
        build(DataSource, {"data.name": str(tmp_path / "data.jsonl")}), tmp_path / "a.parquet", 0
    )
    (written,) = pq.read_table(path).to_pylist()
    assert written["problem"] == "<image>\nWhich?\nA. cat\nB. dog"
    assert written["original_answer"] == "B"
    read = load_dataset(path, cache_dir=tmp_path / "cache")[0]
    assert (read.question, read.answers, read.choices) == ("Which?", ("B",), ("cat", "dog"))


def test_a_stop_half_way_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export(TEXTURES, tmp_path / "a.parquet", 3)
    before = path.read_bytes()

    def stop(sample: Sample, data_source: str) -> dict[str, Any]:
        if sample.sample_id == "train-0-2":
            raise KeyboardInterrupt
        return to_row(sample, data_source)

    monkeypatch.setattr(module, "to_row", stop)
    monkeypatch.setattr(module, "GROUP_ROWS", 1)
    for name in ("a.parquet", "b.parquet"):
        with pytest.raises(KeyboardInterrupt):
            export(TEXTURES, tmp_path / name, 5)
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]
    assert path.read_bytes() == before


def test_groups_are_bounded_by_bytes_and_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP_BYTES", 100)
    monkeypatch.setattr(module, "GROUP_ROWS", 3)
    rows = [{"images": [{"bytes": b"x" * size}]} for size in (60, 60, 1, 1, 1, 200, 5)]
    assert [len(group) for group in row_groups(rows)] == [2, 3, 1, 1]


def test_the_file_has_many_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP_ROWS", 2)
    path = export(TEXTURES, tmp_path / "a.parquet", 5)
    assert pq.ParquetFile(path).num_row_groups == 3


def test_where_the_file_goes(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert target(DataSource(), tmp_path) == tmp_path / "train.parquet"
    assert target(build(DataSource, {"data.split": "test"}), tmp_path) == tmp_path / "test.parquet"
    assert (
        target(build(DataSource, {"data.name": "a.jsonl"}), tmp_path) == tmp_path / "data.parquet"
    )
    assert target(DataSource(), tmp_path / "x.parquet") == tmp_path / "x.parquet"
    with pytest.raises(ConfigError, match=r"taken: is a file; .* ends in \.parquet"):
        target(DataSource(), tmp_path / "taken")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--samples", "-1"], "samples must be at least 0"),
        (["--world.suite", "mixde"], "Did you mean 'mixed'"),
        (
            ["--world.suite", "mixed", "--world.families", "textures,objcts"],
            "Did you mean 'objects'",
        ),
        (["--split", "tset"], "Did you mean 'test'"),
        (["--canvas", "100"], "canvas must be"),
        (["--data", "wrold"], "Did you mean 'world'"),
    ],
)
def test_bad_settings_are_told(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run("--out", str(tmp_path / "a.parquet"), *arguments)
    assert isinstance(done.exception, VisionThinkError)
    assert said in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_settings_of_the_world_are_refused_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text("")
    done = run(
        "--data", str(tmp_path / "d.jsonl"), "--world.suite", "ocr", "--out", str(tmp_path / "o")
    )
    assert isinstance(done.exception, ConfigError)
    assert "world.suite is a setting of the embedded world" in str(done.exception)


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[data\]'"):
        export(TEXTURES, tmp_path / "a.parquet", 1)


def test_meta_of_any_sort_survives_as_far_as_json_goes() -> None:
    image = MemoryImage(Image.new("RGB", (60, 60)))
    meta = {"path": Path("a"), "list": (1, 2), "kind": "mine", "info": {"use_tool": False}}
    sample = Sample("a", "What?", ("x",), image, needs_high_res=True, meta=meta)
    read = sample_from_row(to_row(sample, "here"), "1", ImageFiles(Path()))
    assert (read.kind, read.needs_high_res) == (None, True)
    assert (read.meta["path"], read.meta["list"]) == ("a", [1, 2])


@pytest.mark.parametrize(("text", "said"), [("{", "is not JSON"), ("[]", "a JSON object")])
def test_meta_that_cannot_be_read_is_told(text: str, said: str) -> None:
    row = {"problem": "What?", "images": ["a.png"], "original_answer": "x", "sample_meta": text}
    with pytest.raises(RowError, match=said):
        sample_from_row(row, "1", ImageFiles(Path()))
