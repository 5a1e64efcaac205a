"""Which samples a game has, and what it is played with."""

import pytest

from benchmarks.evaluation.play import NOBODY
from benchmarks.play.settings import GameSettings, drawn
from vt_env import ConfigError, open_env
from vt_env.settings.tree import build


def test_samples_are_drawn_once_each_from_the_seed_alone() -> None:
    first = drawn(1000, 10, 0)
    assert len(set(first)) == 10 and all(0 <= index < 1000 for index in first)
    assert drawn(1000, 10, 0) == first != drawn(1000, 10, 1)
    assert drawn(1000, 20, 0)[:10] == first, "more samples begin alike"
    assert sorted(drawn(7, 10, 3)) == list(range(7)), "no more than there are"


def test_without_a_model_there_is_no_checkpoint() -> None:
    alone = build(GameSettings, {"engine.model_dir": NOBODY})
    assert not alone.has_policy and alone.resolved() == alone
    assert "checkpoint" not in alone.env_settings()
    assert GameSettings().has_policy
    assert GameSettings().env_settings()["checkpoint"] == GameSettings().engine.model_dir
    assert GameSettings().resolved().engine.max_new_tokens == 16


def test_both_see_the_same_images_on_the_world() -> None:
    envs = [
        open_env(**build(GameSettings, {"engine.model_dir": model}).env_settings())
        for model in (NOBODY, GameSettings().engine.model_dir)
    ]
    ours, policys = (env.new_episode(3).observation.image for env in envs)
    assert ours.tobytes() == policys.tobytes()


def test_the_test_split_is_played_unless_another_is_told() -> None:
    assert GameSettings().tested_split == "test"
    assert build(GameSettings, {"data.split": "validation"}).tested_split == "validation"
    assert build(GameSettings, {"data.name": "a.jsonl"}).tested_split is None


@pytest.mark.parametrize(("path", "value"), [("samples", 0), ("temperature", 3), ("seed", -1)])
def test_numbers_out_of_range(path: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"^{path} must"):
        build(GameSettings, {path: value})
