"""What a checkpoint's files say: ours carries its own defaults, others those of their kind."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import vt_env
from tests.vt_env.helpers import ListDataset, memory_sample
from vt_env.checkpoints import PlayDefaults, read_checkpoint, write_defaults
from vt_env.errors import ConfigError, VisionThinkError
from vt_env.templates import load_template

SHIPPED = Path(vt_env.__file__).parents[1] / "agents" / "tiny" / "checkpoint"
QWEN = {"model_type": "qwen2_5_vl", "max_position_embeddings": 128000}
BOUNDS = {"min_pixels": 3136, "max_pixels": 12845056}
WIDE = ListDataset((memory_sample(2048, 1024),))


def checkpoint(
    folder: Path,
    config: dict[str, Any] | None = None,
    processor: dict[str, Any] | None = None,
    **files: dict[str, Any],
) -> Path:
    """A checkpoint directory without weights."""
    files = {"config": config or QWEN, "preprocessor_config": processor or BOUNDS, **files}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_the_shipped_checkpoint_carries_its_own() -> None:
    found = read_checkpoint(SHIPPED)
    assert found.defaults == PlayDefaults("brief", 16, 1024)
    assert (found.token_family, found.processor) == ("qwen2_5_vl", (3136, 50176))


@pytest.mark.parametrize(
    ("config", "generation", "expected"),
    [
        ({}, {}, (8192, 32768)),
        ({"max_position_embeddings": 4096}, {}, (1024, 4096)),
        ({"text_config": {"max_position_embeddings": 16384}}, {}, (4096, 16384)),
        ({}, {"max_new_tokens": 512}, (512, 32768)),
        ({}, {"max_new_tokens": 10**6}, (8192, 32768)),
        ({"max_position_embeddings": None}, {"max_new_tokens": None}, (8192, 32768)),
    ],
)
def test_others_get_the_limits_of_their_kind(
    config: dict[str, Any], generation: dict[str, Any], expected: tuple[int, int], tmp_path: Path
) -> None:
    path = checkpoint(tmp_path, {**QWEN, **config}, generation_config=generation)
    defaults = read_checkpoint(path).defaults
    assert (defaults.max_new_tokens, defaults.max_model_len) == expected
    assert defaults.prompt == "agent"
    assert (defaults.min_pixels, defaults.max_pixels, defaults.bounds) == (None, None, "each_view")


@pytest.mark.parametrize(
    ("processor", "files", "expected"),
    [
        (BOUNDS, {}, (3136, 12845056)),
        ({"size": {"shortest_edge": 65536, "longest_edge": 16777216}}, {}, (65536, 16777216)),
        ({"do_resize": True}, {}, (3136, 1003520)),
        ({**BOUNDS, "size": {"shortest_edge": 1, "longest_edge": 2}}, {}, (3136, 12845056)),
        ({}, {"processor_config": {"image_processor": {"do_resize": True}}}, (3136, 1003520)),
        (BOUNDS, {"processor_config": {"image_processor": {"max_pixels": 9999}}}, (3136, 9999)),
        (
            BOUNDS,
            {"processor_config": {"processor_class": "Qwen2_5_VLProcessor"}},
            (3136, 12845056),
        ),
    ],
)
def test_the_processors_bounds_are_those_that_transformers_reads(
    processor: dict[str, Any],
    files: dict[str, Any],
    expected: tuple[int, int],
    tmp_path: Path,
) -> None:
    from agents.models.vision import VisionProcessor

    kind = {"image_processor_type": "Qwen2VLImageProcessor"}
    path = checkpoint(tmp_path, processor={**processor, **kind}, **files)
    assert read_checkpoint(path).processor == expected
    size = VisionProcessor(path)._processor.size
    assert (size["shortest_edge"], size["longest_edge"]) == expected


def test_an_env_with_a_checkpoint_has_its_bounds_and_prompt(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    plain = vt_env.make(data=WIDE)
    named = vt_env.make(data=WIDE, checkpoint=path)
    assert plain.reset(seed=0)[1]["full_tokens"] == 1250
    assert named.reset(seed=0)[1]["full_tokens"] == 2701
    assert named.unwrapped.factory.template == load_template("agent")
    assert plain.unwrapped.factory.template == load_template("brief")
    envs = gymnasium.make_vec("VisionThink-v0", num_envs=2, data=WIDE, checkpoint=str(path))
    assert envs.reset(seed=0)[1]["full_tokens"].tolist() == [2701, 2701]
    discrete = vt_env.make(vt_env.DISCRETE_ENV_ID, data=WIDE, checkpoint=path)
    assert discrete.reset(seed=0)[1]["full_tokens"] == 2701


def test_what_is_set_wins_over_the_checkpoint(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    settings = {"max_pixels": 200_000, "bounds": "full_view", "prompt": "think"}
    env = vt_env.make(data=WIDE, checkpoint=path, **settings).unwrapped
    limits = env.factory.config.limits
    assert (limits.max_pixels, limits.bounds) == (200_000, "full_view")
    assert env.factory.template == load_template("think")
    observation, _ = env.reset(seed=0)
    assert np.prod(observation["image"].shape[:2]) <= 60_000
    with pytest.raises(ConfigError, match="token_family is 'qwen3_vl', but the checkpoint"):
        vt_env.make(checkpoint=path, token_family="qwen3_vl")
    with pytest.raises(ConfigError, match="bounds of the checkpoint's processor"):
        vt_env.make(checkpoint=path, max_pixels=10**8)


def test_defaults_that_are_written_are_read(tmp_path: Path) -> None:
    checkpoint(tmp_path)
    own = PlayDefaults("think", 64, 2048, 262144, 4194304, "full_view")
    write_defaults(tmp_path, own)
    assert read_checkpoint(tmp_path).defaults == own
    env = vt_env.make(data=WIDE, checkpoint=tmp_path).unwrapped
    assert env.factory.config.limits.bounds == "full_view"


def test_a_prompt_of_ones_own_goes_with_the_checkpoint(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    shipped = Path(vt_env.__file__).parent / "prompts" / "think.toml"
    mine.write_text(shipped.read_text().replace("reduced resolution", "MY RESOLUTION"))
    model = tmp_path / "model"
    model.mkdir()
    write_defaults(checkpoint(model), PlayDefaults(str(mine), 64, 2048))
    mine.unlink()
    moved = model.rename(tmp_path / "moved")
    env = vt_env.make(data=WIDE, checkpoint=moved).unwrapped
    assert "MY RESOLUTION" in env.factory.template.system
    again = tmp_path / "again"
    again.mkdir()
    template = replace(load_template("brief"), user="MY QUESTION {question}")
    write_defaults(checkpoint(again), PlayDefaults("brief", 64, 2048), template)
    assert load_template(read_checkpoint(again).defaults.prompt) == template
    write_defaults(checkpoint(again), read_checkpoint(moved).defaults)
    assert "MY RESOLUTION" in load_template(read_checkpoint(again).defaults.prompt).system


GOOD = {"prompt": "brief", "max_new_tokens": 16, "max_model_len": 1024}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_new_token": 3}, "Did you mean 'max_new_tokens'"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number"),
        ({"max_model_len": "1024"}, "max_model_len must be a whole number"),
        ({"max_model_len": None}, "max_model_len must be a whole number"),
        ({"prompt": "breif"}, "Did you mean 'brief'"),
        ({"prompt": 3}, "prompt must name a prompt template"),
        ({"min_pixels": True}, "min_pixels must be a whole number"),
        ({"bounds": "fullview"}, "Did you mean 'full_view'"),
        ({"max_pixels": 10**9}, "bounds of the checkpoint's processor"),
    ],
)
def test_defaults_that_cannot_work_are_named_with_their_file(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = checkpoint(tmp_path, visionthink={**GOOD, **change})
    with pytest.raises(ConfigError) as caught:
        vt_env.make(checkpoint=path)
    assert said in str(caught.value)
    assert "visionthink.json: " in str(caught.value)


@pytest.mark.parametrize(
    ("config", "processor", "said"),
    [
        ({"model_type": "llama"}, BOUNDS, "model_type 'llama' is none of qwen2_vl"),
        (QWEN, {"min_pixels": 10, "max_pixels": 5}, "between 10 and 5 pixels"),
        (QWEN, {"min_pixels": "a"}, "between 'a' and"),
        (QWEN, {"size": {"shortest_edge": 3136}}, "between 3136 and None"),
        (
            {"model_type": "internvl"},
            {"max_patches": 6},
            "max_patches is 6; tokens are counted for",
        ),
    ],
)
def test_files_that_cannot_be_used_are_named(
    config: dict[str, Any], processor: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(VisionThinkError) as caught:
        read_checkpoint(checkpoint(tmp_path, config, processor))
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a checkpoint directory"):
        vt_env.make(checkpoint=tmp_path / "nowhere")
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json: no such file"):
        read_checkpoint(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json: holds no JSON object"):
        read_checkpoint(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json: cannot be read as JSON"):
        read_checkpoint(tmp_path)


def test_a_checkpoint_of_tiles(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, {"model_type": "internvl"}, {"max_patches": 12})
    env = vt_env.make(data=WIDE, checkpoint=path)
    assert env.reset(seed=0)[1]["full_tokens"] == 256 * 9
