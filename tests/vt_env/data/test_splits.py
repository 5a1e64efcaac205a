"""Which files of a folder are which split: nothing merged, nothing lost, the ambiguous named."""

import json
from pathlib import Path

import pytest
from PIL import Image

from vt_env.data.load import load_dataset
from vt_env.data.splits import choose_files, visible
from vt_env.errors import ConfigError, UnknownNameError

FOLDER = Path("/data/set")
ROW = {"image": "a.png", "question": "What is it?", "answer": "cat"}


def chosen(names: str, split: str | None = None, config: str | None = None) -> list[str]:
    files = [FOLDER / name for name in names.split()]
    found = choose_files(FOLDER, files, split, config)
    return [str(path.relative_to(FOLDER)) for path in found]


SHARDS = "data/test-00000-of-00001.parquet data/test-hard-00000-of-00001.parquet"
CONFIGS = (
    "DocVQA/test-00000-of-00002.parquet DocVQA/test-00001-of-00002.parquet "
    "Info/test-00000-of-00001.parquet"
)
HASHED = "4f2c1c3e-1234-5678-9abc-def012345678-c000"


@pytest.mark.parametrize(
    ("names", "split", "config", "expected"),
    [
        ("train/0000.parquet test/0000.parquet", "train", None, "train/0000.parquet"),
        ("train/0000.parquet test/0000.parquet", "test", None, "test/0000.parquet"),
        ("Train/0000.parquet Test/0000.parquet", "train", None, "Train/0000.parquet"),
        ("0000.parquet 0001.parquet", None, None, "0000.parquet 0001.parquet"),
        ("0000.parquet 0001.parquet", "train", None, "0000.parquet 0001.parquet"),
        ("data/0000.parquet data/0001.parquet", None, None, "data/0000.parquet data/0001.parquet"),
        ("a/train/0.parquet a/test/0.parquet", "train", None, "a/train/0.parquet"),
        ("a/partial-train/0.parquet a/test/0.parquet", "train", "a", "a/partial-train/0.parquet"),
        ("train/data-00000-of-00002.parquet test/data-00000-of-00001.parquet", "test", None,
         "test/data-00000-of-00001.parquet"),
        (SHARDS, "test", None, "data/test-00000-of-00001.parquet"),
        (SHARDS, "test-hard", None, "data/test-hard-00000-of-00001.parquet"),
        ("test.parquet test-hard.parquet", "test", None, "test.parquet"),
        (CONFIGS, "test", "Info", "Info/test-00000-of-00001.parquet"),
        (CONFIGS, None, "DocVQA",
         "DocVQA/test-00000-of-00002.parquet DocVQA/test-00001-of-00002.parquet"),
        ("en/train-0.parquet train-0.parquet", "train", ".", "train-0.parquet"),
        ("val.parquet train.parquet", "validation", None, "val.parquet"),
        ("val.parquet train.parquet", "val", None, "val.parquet"),
        ("dev/0.parquet val/0.parquet", "val", None, "val/0.parquet"),
        ("my_train.parquet my_test.parquet", "train", None, "my_train.parquet"),
        ("train-00000-of-00001-a09b74b3ef9c3b56.parquet", None, None,
         "train-00000-of-00001-a09b74b3ef9c3b56.parquet"),
        (f"part-00000-{HASHED}.snappy.parquet part-00001-{HASHED}.snappy.parquet", None, None,
         f"part-00000-{HASHED}.snappy.parquet part-00001-{HASHED}.snappy.parquet"),
        ("smart.parquet", "train", None, "smart.parquet"),
    ],
)  # fmt: skip
def test_the_files_of_a_split(
    names: str, split: str | None, config: str | None, expected: str
) -> None:
    assert chosen(names, split, config) == expected.split()


@pytest.mark.parametrize(
    ("names", "split", "config", "message"),
    [
        ("train/0000.parquet test/0000.parquet", None, None, r"split must be one of test, train\."),
        (SHARDS, None, None, r"split must be one of test, test-hard\."),
        ("red.parquet blue.parquet", None, None, r"split must be one of blue, red\."),
        (CONFIGS, "test", None, "config must be one of DocVQA, Info"),
        ("train/0.parquet extra/0.parquet", "train", None, r"config must be one of \., extra"),
        ("train/test-0000.parquet", None, None, "called after two splits, train and test"),
        ("train/0.parquet train-00000-of-00001.parquet", "train", None, "both a folder and files"),
        ("train.parquet", None, "en", "config is for sources that start with 'hf:'"),
    ],
)
def test_what_is_ambiguous_lists_what_there_is(
    names: str, split: str | None, config: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        chosen(names, split, config)


@pytest.mark.parametrize(
    ("names", "split", "config", "message"),
    [
        ("train/0.parquet test/0.parquet", "trian", None, "Did you mean 'train'"),
        ("0000.parquet 0001.parquet", "test", None, r"Unknown split 'test'\. Known: train"),
        ("test-hard-00000-of-00001.parquet train.parquet", "test", None, "Known: test-hard, train"),
        ("train_val.parquet test.parquet", "train", None, "Known: test, train_val"),
        ("dev/0.parquet val/0.parquet", "validation", None, "Known: dev, val"),
        (CONFIGS, None, "DocVAQ", "Unknown configuration .* Did you mean 'DocVQA'"),
    ],
)
def test_what_is_unknown_is_never_another_split(
    names: str, split: str, config: str | None, message: str
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        chosen(names, split, config)


def test_files_beside_the_splits_are_listed_too() -> None:
    with pytest.raises(ConfigError, match="one of train, unnamed"):
        chosen("train/0000.parquet 0000.parquet")
    assert chosen("train/0000.parquet 0000.parquet", "train") == ["train/0000.parquet"]


def test_hidden_files_are_not_seen() -> None:
    seen = [".cache/train.parquet", "__MACOSX/train.parquet", "a/.b.parquet", "a/train.parquet"]
    assert [visible(FOLDER / name, FOLDER) for name in seen] == [False, False, False, True]


def test_folders_of_files_of_rows(tmp_path: Path) -> None:
    folder = tmp_path
    Image.new("RGB", (60, 40)).save(folder / "a.png")
    for name, count in (("train.jsonl", 3), ("test.csv", 2)):
        lines = [json.dumps(ROW)] * count
        if name == "test.csv":
            lines = ["image,question,answer", *["a.png,What?,cat"] * count]
        (folder / name).write_text("\n".join(lines))
    assert len(load_dataset(folder, split="train")) == 3
    assert len(load_dataset(folder, split="test")) == 2
    with pytest.raises(ConfigError, match=r"split must be one of test, train\."):
        load_dataset(folder)
    (folder / "train-2.jsonl").write_text(json.dumps(ROW))
    with pytest.raises(ConfigError, match=r"2 files of this split \(train-2.jsonl, train.jsonl"):
        load_dataset(folder, split="train")
    (folder / "data.jsonl").write_text(json.dumps(ROW))
    assert len(load_dataset(folder)) == 1
    (folder / "metadata.jsonl").write_text(json.dumps(ROW))
    with pytest.raises(ConfigError, match=r"more than one dataset: .* metadata.jsonl, data.jsonl"):
        load_dataset(folder)
