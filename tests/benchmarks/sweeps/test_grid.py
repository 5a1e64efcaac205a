"""A grid from the command line is a sweep like any other."""

import pytest

from benchmarks.sweeps import trials
from benchmarks.sweeps.grid import grid_sweep
from vt_env import VisionThinkError


def test_all_combinations_with_names_to_read() -> None:
    sweep = grid_sweep(["rewards.price=0,0.1", "grpo.num_generations=4,8"])
    assert sweep.name == "rewards_price-grpo_num_generations"
    assert [p.name for p in sweep.points] == [
        "price=0-num_generations=4", "price=0-num_generations=8",
        "price=0.1-num_generations=4", "price=0.1-num_generations=8",
    ]  # fmt: skip
    last = trials(sweep, 1)[-1].settings
    assert (last.rewards.price, last.grpo.num_generations) == (0.1, 8)


def test_entries_of_tables_flags_lists_and_names() -> None:
    sweep = grid_sweep(
        ["grpo.shaper_params.theta=0.1,0.3", "grpo.dynamic_sampling=true,false",
         "world.families=maps,charts;objects", "grpo.shaper=paper,released"], "mine",
    )  # fmt: skip
    assert (sweep.name, len(sweep.points)) == ("mine", 16)
    first, last = trials(sweep, 1)[0].settings, trials(sweep, 1)[-1].settings
    assert dict(first.grpo.shaper_params) == {"theta": 0.1}
    assert (first.grpo.dynamic_sampling, last.grpo.dynamic_sampling) == (True, False)
    assert (first.world.families, last.world.families) == (("maps", "charts"), ("objects",))
    assert (first.grpo.shaper, last.grpo.shaper) == ("paper", "released")


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        (["rewards.price"], "write path=value"),
        (["rewards.price="], "write path=value"),
        (["rewards.price=0,,1"], "a value is missing"),
        (["rewards.price=0,0"], "0 is there twice"),
        (["rewards.price=0", "rewards.price=1"], "is there already"),
        (["reward.price=0"], "Did you mean 'rewards.price'"),
        (["grpo.shaper_params=1"], "name one of its entries"),
        (["run.seed=0,1"], "--seeds"),
    ],
)
def test_what_cannot_be_is_refused(axes: list[str], told: str) -> None:
    with pytest.raises(VisionThinkError, match=told):
        grid_sweep(axes)


def test_a_value_that_a_setting_does_not_take_names_its_point() -> None:
    with pytest.raises(VisionThinkError, match=r"point price=-1: rewards\.price must lie"):
        trials(grid_sweep(["rewards.price=-1,1"]), 1)
