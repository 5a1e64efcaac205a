"""The RLlib algorithm: settings, and the learner's arithmetic on real trajectories."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from agents.backends import GenerationBackend, Sampling
from agents.errors import BackendError, TrainingError
from agents.grpo.advantages import finish_groups, group_advantages
from agents.grpo.algorithm import GRPOConfig
from agents.grpo.learner import GROUPS, to_batch
from agents.grpo.logprobs import Readout
from agents.grpo.packing.batching import as_groups
from agents.models.checkpoints import load_model
from agents.models.vision import VisionProcessor
from agents.rollouts.collect import collect
from agents.rollouts.trajectory import Trajectory
from judges import JudgeCase, Verdict, make_judge
from tests.agents.helpers import a_collator, build_learner, trajectory, world_episodes
from vt_env.env import VisionThinkEnv
from vt_env.errors import ConfigError, PluginError, UnknownNameError
from vt_env.shapers import group_shaper


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"num_generations": 1}, TrainingError, "at least 2"),
        ({"num_prompts": 0}, TrainingError, "num_prompts"),
        ({"scale_rewards": "sometimes"}, UnknownNameError, "scale_rewards"),
        ({"backend": "vlm"}, UnknownNameError, "Did you mean 'vllm'"),
        ({"shaper": "papr"}, UnknownNameError, "Did you mean 'paper'"),
        ({"shaper": "paper", "shaper_params": {"tetha": 1.0}}, ConfigError, "tetha"),
        ({"loss_type": "ppo"}, ConfigError, "loss_type"),
        ({"loss_type": "dapoo"}, UnknownNameError, "Did you mean 'dapo'"),
        ({"advantage_estimator": "gpro"}, UnknownNameError, "Did you mean 'grpo'"),
        ({"backend_config": {"max_imags": 3}}, ConfigError, "Did you mean 'max_images'"),
        ({"plugins": ["no_such_module"]}, PluginError, "no_such_module"),
        ({"plugins": "no_such_module"}, ConfigError, "plugins is a list"),
        ({"model_dir": "nowhere"}, BackendError, "nowhere"),
    ],
)
def test_bad_settings_are_found_before_work_starts(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        GRPOConfig().training(**settings).validate()


def test_what_is_left_open_comes_from_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    def open_settings(**settings: Any) -> tuple[int | None, int | None]:
        config = GRPOConfig().training(**settings)
        config.validate()
        return config.max_new_tokens, config.max_model_len

    assert open_settings() == (16, 1024)
    assert open_settings(max_new_tokens=7) == (7, 1024)
    other = shutil.copytree(
        checkpoint, tmp_path / "a", ignore=shutil.ignore_patterns("visionthink.json")
    )
    assert open_settings(model_dir=str(other)) == (1024, 4096)
    config = GRPOConfig().training(model_dir=str(other))
    assert config.play_env({"data": "world"}) == {"data": "world", "checkpoint": str(other)}


def test_no_setting_stands_where_rllib_has_a_method() -> None:
    config = GRPOConfig().training(freeze=("vision",))
    for name in dir(AlgorithmConfig):
        if callable(getattr(AlgorithmConfig, name)):
            assert callable(getattr(config, name)), name
    frozen = config.get_default_rl_module_spec().model_config["freeze"]
    assert frozen == ("vision",)
    config.freeze()
    assert config.copy(copy_frozen=False).frozen_parameters == ("vision",)


def test_an_unknown_setting_suggests() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'num_generations'"):
        GRPOConfig().training(num_generation=8)


def test_runners_share_the_prompts_evenly() -> None:
    config = GRPOConfig().training(num_prompts=5).env_runners(num_env_runners=2)
    with pytest.raises(TrainingError, match="multiple of num_env_runners"):
        config.validate()


def test_groups_stay_whole() -> None:
    played = [trajectory(sample_id=name) for name in "abcde"]
    groups = as_groups(played, 2)
    assert [g.number for g in groups] == [0, 1, 2]
    assert [t for g in groups for t in g.members] == played
    assert [(len(g), g.env_steps(), g.agent_steps()) for g in groups] == [(1, 2, 2)] * 2 + [
        (1, 1, 1)
    ]
    assert list(to_batch(groups)["default_policy"][GROUPS]) == groups


@pytest.fixture(scope="module")
def played(hf_backend: GenerationBackend) -> list[Trajectory]:
    factory = VisionThinkEnv(split="validation", seed=11).factory
    twice = [episode for index in range(6) for episode in factory.group(index, 2)]
    trajectories = collect(
        hf_backend, twice, make_judge("rule"), Sampling(seed=2, max_new_tokens=32)
    )
    return finish_groups(trajectories, 2, group_shaper("none"), "none")


def test_the_collator_finds_the_sampled_tokens(
    played: list[Trajectory], hf_backend: GenerationBackend, checkpoint: Path
) -> None:
    collate = a_collator(checkpoint, load_model(checkpoint), hf_backend.encoder)
    (rows,) = collate.plan([played], "padded", None)
    batch, played = collate(rows, "padded"), [row.members[0] for row in rows]
    sampled = [t for p in played for t, m in zip(p.ids, p.mask, strict=True) if m]
    logprobs = [lp for p in played for lp, m in zip(p.logprobs, p.mask, strict=True) if m]
    assert batch.targets.tolist() == sampled
    assert batch.sampler_logp.tolist() == pytest.approx(logprobs)
    shifted = batch.input_ids.flatten()[batch.predictors[batch.predicted] + 1]
    assert torch.equal(shifted, batch.targets)
    lengths = [sum(p.mask) for p in played]
    assert batch.rows.tolist() == [n for n, length in enumerate(lengths) for _ in range(length)]
    assert batch.attention_mask.sum() == sum(len(p.ids) for p in played)


def test_images_shared_by_a_group_are_processed_once(
    played: list[Trajectory], hf_backend: GenerationBackend, checkpoint: Path
) -> None:
    vision = VisionProcessor(checkpoint)
    collate = a_collator(checkpoint, load_model(checkpoint), hf_backend.encoder)
    (rows,) = collate.plan([played], "padded", None)
    batch, played = collate(rows, "padded"), [row.members[0] for row in rows]
    direct = vision([image.copy() for p in played for image in p.images])
    distinct = {id(image) for p in played for image in p.images}
    assert len(batch.images.tokens) == len(distinct) < len(direct.tokens)
    assert len(direct.tokens) == sum(len(p.images) for p in played)
    assert batch.images.tokens_shown() == direct.tokens_shown()
    assert torch.equal(batch.images.grid_shown(), direct.grid_thw)
    assert torch.equal(batch.images.patches_shown(), direct.patches)


def step(learner: Any, trajectories: list[Trajectory], size: int = 2) -> dict[str, np.ndarray]:
    """One optimiser step on groups of a size; returns the weights after it."""
    learner._update(to_batch(as_groups(trajectories, size)))
    state = learner.module["default_policy"].get_state()
    return {name: tensor.numpy() for name, tensor in state.items()}


@pytest.mark.parametrize(
    ("packing", "bound", "most"),
    [("tree", "micro_batch_nodes", 300), ("padded", "micro_batch_size", 3)],
)
def test_micro_batches_change_nothing(
    played: list[Trajectory], checkpoint: Path, packing: str, bound: str, most: int
) -> None:
    whole = step(build_learner(checkpoint, packing=packing, **{bound: None}), played)
    parts = step(build_learner(checkpoint, packing=packing, **{bound: most}), played)
    moved = step(build_learner(checkpoint), [])
    assert any(not np.allclose(whole[name], moved[name], atol=1e-5) for name in whole)
    for name, values in whole.items():
        # Adam divides by the gradient's size: tiny sums in another order may flip a step's sign.
        differing = np.mean(np.abs(parts[name] - values) > 1e-4)
        assert differing < 0.01, name


def test_nothing_to_learn_changes_nothing(played: list[Trajectory], checkpoint: Path) -> None:
    from dataclasses import replace

    flat = [replace(t, advantage=0.0) for t in played]
    unknown = [replace(t, advantage=None) for t in played]
    start = step(build_learner(checkpoint), [])
    for trajectories in (flat, unknown):
        after = step(build_learner(checkpoint, weight_decay=0.0), trajectories)
        assert all(np.array_equal(after[name], start[name]) for name in start)


class SometimesSilent:
    """Judges by rule, and abstains on every third answer."""

    name = "silent"

    def __init__(self) -> None:
        self.seen = 0

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        verdicts = []
        for verdict in make_judge("rule").judge(cases):
            self.seen += 1
            silent = self.seen % 3 == 0
            verdicts.append(Verdict(None, "timeout", self.name) if silent else verdict)
        return verdicts


def test_an_abstention_leaves_the_groups_mean_and_the_loss(
    hf_backend: GenerationBackend, checkpoint: Path
) -> None:
    size = 4
    episodes = [e for i in range(6) for e in (world_episodes(6)[i] for _ in range(size))]
    played = collect(hf_backend, episodes, SometimesSilent(), Sampling(seed=2, max_new_tokens=32))
    done = finish_groups(played, size, group_shaper("none"), "group")
    missing = [t for t in done if t.abstained]
    assert missing
    assert all(t.record.prediction is not None and t.advantage is None for t in missing)
    for start in range(0, len(done), size):
        judged = [t for t in done[start : start + size] if not t.abstained]
        alone = group_advantages(np.array([[t.reward for t in judged]]))[0]
        if len(judged) >= 2:
            assert [t.advantage for t in judged] == pytest.approx(alone.tolist())
    rest = [t for t in done if not t.abstained]
    whole = step(build_learner(checkpoint), done, size)
    # Whoever is left of a group: its number tells nothing to a single step.
    without = step(build_learner(checkpoint), rest, size)
    for name, values in whole.items():
        assert np.mean(np.abs(without[name] - values) > 1e-4) < 0.01, name


def test_a_step_makes_the_better_answer_likelier(
    played: list[Trajectory], checkpoint: Path
) -> None:
    learner = build_learner(checkpoint)
    module = learner.module["default_policy"]
    (rows,) = learner._collate.plan([played], "tree", None)
    batch = learner._collate(rows, "tree")

    def gain() -> float:
        with torch.no_grad():
            logp, _ = module.forward_logprobs(batch, Readout(module.encoder.banned))
        return float((logp * batch.advantages[batch.rows]).sum())

    before = gain()
    step(learner, played)
    assert gain() > before
