"""Rows for verl: its columns, the images as the policy sees them first, whole files or none."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from pyarrow import parquet

from tests.vt_env.test_examples import load
from vt_env import ConfigError, FileImage, ImageError, MemoryImage, Sample
from vt_env.adapters.shared import chosen_sample, shared_env
from vt_env.adapters.verl_rows import verl_rows, write_verl_rows
from vt_env.env import VisionThinkEnv


def test_a_row_is_the_opening_of_its_episode() -> None:
    env = shared_env({"split": "test"})
    for index, row in zip((4, 9), verl_rows(env, (4, 9), "test"), strict=True):
        episode = env.new_episode(index)
        assert chosen_sample(env, row) == index
        assert [m["role"] for m in row["prompt"]] == [m.role for m in episode.messages]
        question = env.dataset[index].question
        assert row["prompt"][-1]["content"] == f"<image>{question}"
        (image,) = row["images"]
        shown = Image.open(io.BytesIO(image["bytes"]))
        assert shown.tobytes() == episode.observation.image.tobytes()
        assert row["reward_model"]["ground_truth"] == env.dataset[index].answers[0]
        told = row["extra_info"]["tools_kwargs"]["resize_image"]["create_kwargs"]
        assert told == {"index": index, "sample_id": env.dataset[index].sample_id}


class Marked:
    """A question that spells verl's mark of an image."""

    name = "marked"

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        image = Image.new("RGB", (448, 448), (index, 0, 0))
        return Sample(f"m-{index}", "What is <image> for?", ("x",), MemoryImage(image))


def test_a_mark_in_a_question_is_no_image() -> None:
    (row,) = verl_rows(VisionThinkEnv(Marked()), [0])
    assert row["prompt"][-1]["content"].count("<image>") == len(row["images"]) == 1
    assert "< image >" in row["prompt"][-1]["content"]


class Broken(Marked):
    def __getitem__(self, index: int) -> Sample:
        if index == 1:
            return Sample("m-1", "What?", ("x",), FileImage(Path("nowhere.png")))
        return super().__getitem__(index)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "train.parquet"
    assert write_verl_rows(VisionThinkEnv(Marked()), path, range(2)) == 2
    table = parquet.read_table(path).to_pylist()
    assert [row["extra_info"]["index"] for row in table] == [0, 1]
    before = path.read_bytes()
    with pytest.raises(ImageError):
        write_verl_rows(VisionThinkEnv(Broken(), max_turns=3), path, range(2))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["train.parquet"]
    with pytest.raises(ConfigError, match="no sample to write"):
        write_verl_rows(VisionThinkEnv(Marked()), path, ())


def test_the_example_writes_what_verl_reads(tmp_path: Path) -> None:
    loops = load("homes/verl_data").main(tmp_path, samples=3)
    (told,) = json.loads(loops.read_text(encoding="utf-8"))
    assert told["_target_"] == "vt_env.adapters.verl.VisionThinkAgentLoop"
    assert shared_env(told["env"]).dataset.name == "world/train"
    for split in ("train", "test"):
        rows = parquet.read_table(tmp_path / f"{split}.parquet").to_pylist()
        assert [row["extra_info"]["split"] for row in rows] == [split] * 3
