"""``hf:`` sources, by the real `datasets` library: configurations, splits, offline, no library."""

import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.vt_env.data.fake_hub import REPOSITORY, serve
from vt_env import make
from vt_env.data.load import load_dataset
from vt_env.data.tables import TableDataset
from vt_env.errors import ConfigError, DatasetError, LadderWarning, UnknownNameError

CARD = """---
configs:
- config_name: small
  data_files:
  - {split: train, path: small/train-*}
  - {split: test, path: small/test-*}
- config_name: large
  data_files:
  - {split: train, path: large/train-*}
---
"""


def write_repository(folder: Path) -> Path:
    """A repository as people have them: a card with configurations, parquet files by split."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(buffer, format="PNG")
    for part, rows in (("small/train", 4), ("small/test", 2), ("large/train", 9)):
        records = [
            {
                "problem": f"<image>What color is {part} {row}?",
                "images": [{"bytes": buffer.getvalue(), "path": None}],
                "original_answer": "red",
            }
            for row in range(rows)
        ]
        path = folder / f"{part}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(records), path)
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_repository(tmp_path_factory.mktemp("repository"))


def test_configurations_and_splits_are_chosen(repository: Path, tmp_path: Path) -> None:
    source = f"hf:{repository}"
    loaded: dict[tuple[str, str | None], TableDataset] = {}
    for config, split, rows in (("small", "train", 4), ("small", "test", 2), ("large", None, 9)):
        dataset = load_dataset(source, config=config, split=split, cache_dir=tmp_path)
        assert isinstance(dataset, TableDataset)
        assert len(dataset) == rows
        loaded[config, split] = dataset
    sample = loaded["small", "test"][1]
    assert (sample.question, sample.answers) == ("What color is small/test 1?", ("red",))
    assert sample.image.size() == (60, 40)
    copy = pickle.loads(pickle.dumps(loaded["large", None]))
    assert copy[8].question == "What color is large/train 8?"


def test_an_env_plays_it(repository: Path, tmp_path: Path) -> None:
    with pytest.warns(LadderWarning, match="0 of the first 4 samples"):  # pictures of 60 pixels
        env = make(data=f"hf:{repository}", config="small", split="train", cache_dir=tmp_path)
    observation, _ = env.reset(seed=0)
    assert observation["question"].startswith("What color is small/train")
    *_, info = env.step("<think>Plain.</think><answer>red</answer>")
    assert info["outcome"].correct


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({}, ConfigError, r"config=None: .*available configs: \['small', 'large'\]"),
        ({"config": "tiny"}, ConfigError, "config='tiny': .*not found"),
        ({"config": "small"}, ConfigError, "split must be one of test, train"),
        ({"config": "small", "split": "trian"}, UnknownNameError, "Did you mean 'train'"),
    ],
)
def test_what_is_missing_or_unknown_is_named(
    repository: Path, tmp_path: Path, settings: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_dataset(f"hf:{repository}", cache_dir=tmp_path, **settings)


def test_config_is_for_the_hub_alone(repository: Path) -> None:
    with pytest.raises(ConfigError, match="config is for sources that start with 'hf:'"):
        load_dataset(repository / "large", config="large")


def test_offline_is_a_typed_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load_dataset("hf:nobody/nothing", cache_dir=tmp_path)
    assert "hf:nobody/nothing: cannot be read as a dataset" in str(caught.value)
    assert "HF_HUB_OFFLINE is set" in str(caught.value)


def test_a_hub_that_is_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("Couldn't reach 'someone/receipts' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset_builder", fail)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    with pytest.raises(DatasetError, match="Look whether this machine reaches the hub"):
        load_dataset(f"hf:{REPOSITORY}", cache_dir=tmp_path)


@pytest.mark.parametrize("source", ["hf:someone/receipts", "rows.parquet", "folder"])
def test_without_the_library_the_extra_is_named(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.parquet").touch()
    Path("folder").mkdir()
    for library in ("datasets", "pyarrow"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[data\]'"):
        load_dataset(source)


LOOK = """
import json, sys
from vt_env.data.load import load_dataset
from vt_env.errors import VisionThinkError
try:
    dataset = load_dataset(sys.argv[1], config="small", split="test")
    print(json.dumps([dataset.name, len(dataset), dataset[0].question]))
except VisionThinkError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def look(source: str, **variables: str) -> list[Any]:
    """Loads a source in a fresh process: the library reads its settings when it is imported."""
    run = [sys.executable, "-c", LOOK, source]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", **variables}
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    found: list[Any] = json.loads(done.stdout)
    return found


def test_a_download_from_a_hub_and_its_cache_afterwards(repository: Path, tmp_path: Path) -> None:
    home = {"HF_HOME": str(tmp_path)}
    expected = [REPOSITORY, 2, "What color is small/test 0?"]
    with serve(repository) as endpoint:
        online = {**home, "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0"}
        assert look(f"hf:{REPOSITORY}", **online) == expected
        kind, message = look("hf:someone/else", **online)
        assert kind == "DatasetError"
        assert "doesn't exist on the Hub or cannot be accessed" in message
    assert look(f"hf:{REPOSITORY}", **home, HF_HUB_OFFLINE="1") == expected
