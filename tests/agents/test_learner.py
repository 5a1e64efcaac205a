"""The learner: which steps it takes, what they are measured by, and what it leaves alone."""

import logging
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

import vt_env
from agents.backends import GenerationBackend, Sampling
from agents.errors import TrainingError
from agents.grpo.algorithm import GRPOConfig
from agents.grpo.learner import OBJECTIVE, TIMING, to_batch
from agents.grpo.losses import BatchSize, LossConfig, TokenBatch, dapo_loss
from agents.grpo.packing.batching import Group, as_groups
from agents.rollouts.collect import collect
from agents.rollouts.trajectory import Trajectory
from judges import make_judge
from tests.agents.devices import OTHER, MixedDevicesError, TwoDevices, is_there
from tests.agents.helpers import build_learner
from vt_env.env import VisionThinkEnv

SIZE = 3
SEEN: list[tuple[TokenBatch, BatchSize]] = []


def spy(batch: TokenBatch, size: BatchSize, config: LossConfig) -> Any:
    """DAPO's loss, which tells what it was given."""
    SEEN.append((replace(batch, logp=batch.logp.detach()), size))
    return dapo_loss(batch, size, config)


@pytest.fixture
def seen() -> Iterator[list[tuple[TokenBatch, BatchSize]]]:
    SEEN.clear()
    yield SEEN
    SEEN.clear()


@pytest.fixture(scope="module")
def groups(hf_backend: GenerationBackend) -> list[Group]:
    """Seven groups whose advantages are drawn; the one before the last is flat."""
    factory = VisionThinkEnv(split="validation", seed=11).factory
    episodes = [e for index in range(7) for e in factory.group(index, SIZE)]
    sampling = Sampling(seed=2, max_new_tokens=32)
    played = collect(hf_backend, episodes, make_judge("rule"), sampling)
    drawn = np.random.default_rng(0).normal(size=len(played))
    drawn[5 * SIZE : 6 * SIZE] = 0.0
    return as_groups(
        [replace(t, advantage=float(a)) for t, a in zip(played, drawn, strict=True)], SIZE
    )


def learner_of(checkpoint: Path, **settings: Any) -> Any:
    return build_learner(checkpoint, num_generations=SIZE, **settings)


def update(learner: Any, groups: list[Group], epochs: int = 1, **more: Any) -> Any:
    timesteps = {NUM_ENV_STEPS_SAMPLED_LIFETIME: 1}
    return learner.update(episodes=groups, num_epochs=epochs, timesteps=timesteps, **more)


def gradients(learner: Any, groups: list[Group]) -> dict[str, torch.Tensor]:
    """Gradients of one step that is not taken."""
    learner.apply_gradients = lambda _: None
    learner._update(to_batch(groups))
    named = learner.module["default_policy"].vlm.named_parameters()
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


def distance(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> float:
    assert one.keys() == two.keys()
    apart = sum(float((one[name] - two[name]).square().sum()) for name in one)
    return float((apart / sum(float(v.square().sum()) for v in two.values())) ** 0.5)


SPY = {"loss_type": "tests.agents.test_learner:spy"}


@pytest.mark.parametrize("packing", ["tree", "padded"])
def test_the_clip_is_measured_from_before_the_first_step(
    groups: list[Group], checkpoint: Path, seen: Any, packing: str
) -> None:
    learner = learner_of(checkpoint, packing=packing, minibatch_size=2 * SIZE + 1, **SPY)
    update(learner, groups, 2, minibatch_size=2 * SIZE + 1)
    assert len(seen) == 8, "seven groups, two a step, twice"
    apart = [float((batch.logp - batch.old_logp).abs().max()) for batch, _ in seen]
    assert apart[0] < 1e-5
    assert min(apart[1:]) > 1e-3, "every later step is off the policy that it started from"
    for batch, _ in seen:
        assert float((batch.old_logp - batch.sampler_logp).abs().max()) < 1e-4
        assert batch.ref_logp is not None
        assert float((batch.ref_logp - batch.old_logp).abs().max()) < 1e-4
    for epoch in (seen[:4], seen[4:]):
        parts = [
            (float(advantage), *batch.sampler_logp[batch.rows == row].tolist())
            for batch, _ in epoch
            for row, advantage in enumerate(batch.advantages)
        ]
        assert sorted(parts) == sorted(map(signature, (t for g in groups for t in g.members)))


def signature(t: Trajectory) -> tuple[float, ...]:
    """What a trajectory is known by in a batch."""
    said = [lp for lp, m in zip(t.logprobs, t.mask, strict=True) if m]
    return tuple(float(np.float32(value)) for value in (t.advantage or 0.0, *said))


def test_one_step_is_measured_from_itself(groups: list[Group], checkpoint: Path, seen: Any) -> None:
    update(learner_of(checkpoint, beta=0.0, **SPY), groups)
    for batch, size in seen:
        assert torch.equal(batch.logp, batch.old_logp)
        assert batch.ref_logp is None
        assert not batch.entropy.requires_grad
        members = [t for g in groups for t in g.members]
        assert size == BatchSize(len(members), sum(sum(t.mask) for t in members))


def test_the_divisor_is_the_same_with_a_reference_and_without(
    groups: list[Group], checkpoint: Path, seen: Any
) -> None:
    sizes, computed = [], []
    for settings in ({"beta": 0.0}, {"beta": 1e-3}, {"beta": 1e-3, "skip_flat_groups": True}):
        SEEN.clear()
        update(learner_of(checkpoint, **settings, **SPY), groups)
        sizes.append({size for _, size in seen})
        computed.append(sum(len(batch.advantages) for batch, _ in seen))
    assert sizes[0] == sizes[1] == sizes[2]
    assert computed == [6 * SIZE, 7 * SIZE, 6 * SIZE], "a flat group has no gradient but the KL's"


def test_what_does_not_count_weighs_nothing(groups: list[Group], checkpoint: Path) -> None:
    """Abstentions, and truncated turns where they are masked, are as if they were not there."""
    first, second, *rest = groups[0].members
    odd = (replace(first, advantage=None), replace(second, ending="cut_off"), *rest)
    with_odd = [replace(groups[0], members=odd), *groups[1:3]]
    without = [replace(groups[0], members=tuple(rest)), *groups[1:3]]
    settings = {"mask_truncated_completions": True}
    got = gradients(learner_of(checkpoint, **settings), with_odd)
    assert distance(got, gradients(learner_of(checkpoint, **settings), without)) < 1e-5


def test_trees_and_padded_rows_take_the_same_step(groups: list[Group], checkpoint: Path) -> None:
    tree = gradients(learner_of(checkpoint, micro_batch_nodes=500), groups)
    padded = gradients(learner_of(checkpoint, packing="padded", micro_batch_size=5), groups)
    assert distance(tree, padded) < 1e-5


def test_checkpointing_computes_the_same(groups: list[Group], checkpoint: Path) -> None:
    learner = learner_of(checkpoint, gradient_checkpointing=True)
    calls: list[int] = []
    layer = learner.module["default_policy"].vlm.model.language_model.layers[0]
    layer.mlp.register_forward_pre_hook(lambda *_: calls.append(1))
    got = gradients(learner, groups[:2])
    assert len(calls) == 2, "once forward, once again for the gradient"
    assert distance(got, gradients(learner_of(checkpoint), groups[:2])) < 1e-5


def test_a_model_that_takes_no_trees_gets_padded_rows_and_it_is_said_once(
    groups: list[Group],
    checkpoint: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.grpo.learner.refuses_trees", lambda _: "it has layers of another")
    with caplog.at_level(logging.WARNING, "agents.grpo.learner"):
        learner = learner_of(checkpoint)
        gradients(learner, groups[:2])
        gradients(learner, groups[:2])
    (record,) = caplog.records
    assert "Qwen2_5_VLForConditionalGeneration" in record.getMessage()
    assert "another" in record.getMessage()
    assert learner._packing == "padded"


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_a_frozen_tower_is_left_alone_and_seen_once(
    groups: list[Group], checkpoint: Path, beta: float
) -> None:
    learner = learner_of(checkpoint, freeze=("vision",), beta=beta)
    module = learner.module["default_policy"]
    seen: list[int] = []
    hook = lambda _m, inputs, _o: seen.append(len(inputs[0]))  # noqa: E731
    module.vlm.model.visual.patch_embed.register_forward_hook(hook)
    if beta:
        assert module._reference[0].model.visual.patch_embed.proj.weight is (
            module.vlm.model.visual.patch_embed.proj.weight
        ), "the reference has the same tower"
    tower = {id(p) for p in module.vlm.model.visual.parameters()}
    trained = {id(p) for group in learner._optimizer_parameters for p in _parameters(group)}
    assert trained
    assert not trained & tower
    before = {name: t.clone() for name, t in module.vlm.state_dict().items()}
    update(learner, groups[:3], 3)
    images = {id(i): i for g in groups[:3] for t in g.members for i in t.images}
    patches = [learner._collate._vision([image]).patches for image in images.values()]
    assert sum(seen) == sum(map(len, patches)), "each distinct image once in three epochs"
    after = module.vlm.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert not [name for name in moved if "visual" in name]
    assert len(module.features) == 0, "nothing is kept for images that do not come again"


def _parameters(optimizer: Any) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def test_a_frozen_tower_changes_no_other_gradient(groups: list[Group], checkpoint: Path) -> None:
    frozen = gradients(learner_of(checkpoint, freeze=("vision",), beta=0.5), groups)
    whole = gradients(learner_of(checkpoint, beta=0.5), groups)
    assert not [name for name in frozen if "visual" in name]
    assert distance(frozen, {name: whole[name] for name in frozen}) < 1e-5


def test_parameters_are_frozen_by_pattern(groups: list[Group], checkpoint: Path) -> None:
    patterns = ("model.visual.merger.*", "*.layers.[01].*")
    got = gradients(learner_of(checkpoint, freeze=patterns), groups[:2])
    assert not [name for name in got if ".merger." in name or ".language_model.layers.1." in name]
    assert [name for name in got if "visual.blocks" in name]
    assert [name for name in got if ".language_model.layers.2." in name]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [(("visoin",), "'visoin' names no parameter"), (("*",), "leaves no parameter to train")],
)
def test_patterns_that_cannot_be_meant_are_refused(
    checkpoint: Path, patterns: tuple[str, ...], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        learner_of(checkpoint, freeze=patterns)


def test_the_reference_is_loaded_for_a_kl_term_alone(checkpoint: Path) -> None:
    for beta, count in ((0.0, 0), (0.1, 1)):
        assert len(learner_of(checkpoint, beta=beta).module["default_policy"]._reference) == count


BELOW = ("vision", "*.embed_tokens.*", "*.layers.[012].*")


@pytest.mark.parametrize(
    ("freeze", "first"),
    [
        (BELOW, 3),
        (("vision", "*.embed_tokens.*", "*.layers.*"), 4),  # norm and head are trained
        (("vision", "*.embed_tokens.*", "*.layers.*", "*.norm.*"), 4),  # the head alone
        (("vision", "*.embed_tokens.*", "*.layers.[13].*"), None),  # the first layer is trained
        (("vision", "*.layers.[012].*"), None),  # embeddings are trained
        (("*.embed_tokens.*", "*.layers.[012].*"), None),  # the tower is trained
        ((), None),
    ],
)
@pytest.mark.parametrize("packing", ["tree", "padded"])
def test_the_reference_goes_on_from_the_layers_that_it_shares(
    groups: list[Group], checkpoint: Path, freeze: tuple[str, ...], first: int | None, packing: str
) -> None:
    learner = learner_of(checkpoint, freeze=freeze, packing=packing, beta=0.5)
    module = learner.module["default_policy"]
    with torch.no_grad():  # as after some steps
        for parameter in module.vlm.parameters():
            if parameter.requires_grad:
                parameter.mul_(1.01)
    reference = module._reference[0].model.language_model
    computed: list[int] = []
    for number, layer in enumerate(reference.layers):
        layer.register_forward_hook(lambda *_, number=number: computed.append(number))
    readout = learner._readout(learner._own_config())
    found = []
    for part in (groups[:1], groups[1:2], groups[1:2]):
        (rows,) = learner._micro_batches(part, learner._own_config())
        batch = learner._model_batch(rows)
        module.forward_logprobs(batch, readout)
        computed.clear()
        found.append(module.reference_logprobs(batch, readout))
    assert computed == (list(range(4)) if first is None else list(range(first, 4)))
    whole = module.reference_logprobs(batch, readout)  # no pass of the policy came before
    assert computed[-4:] == [0, 1, 2, 3]
    assert torch.equal(found[1], found[2])
    assert torch.allclose(found[2], whole, atol=1e-6)
    assert not torch.allclose(module.forward_logprobs(batch, readout)[0], whole, atol=1e-4)


def test_a_reference_that_shares_nothing_after_all_is_told(
    groups: list[Group], checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As of a model whose language model does more than its layers and norm."""
    learner = learner_of(checkpoint, freeze=BELOW, beta=0.5)
    module = learner.module["default_policy"]
    reference = module._reference[0]
    whole = gradients(learner_of(checkpoint, freeze=BELOW, beta=0.5), groups[:2])
    module._trunk._above = module._trunk._above[1:]
    with caplog.at_level(logging.WARNING):
        got = gradients(learner, groups[:2])
    assert type(reference).__name__ in caplog.text
    assert module._trunk is None
    assert distance(got, whole) == 0


def test_results_tell_the_objective_and_the_times(groups: list[Group], checkpoint: Path) -> None:
    learner = learner_of(checkpoint)
    results = update(learner, groups)["default_policy"]
    assert {"kl", "entropy"} <= results[OBJECTIVE].keys()
    phases = {"packing", "forward", "reference", "backward", "gradients", "step"}
    assert phases == results[TIMING].keys()
    assert all(0 <= float(seconds) < 600 for seconds in results[TIMING].values())


@pytest.mark.parametrize("packing", ["tree", "padded"])
@pytest.mark.parametrize("freeze", [(), ("vision",)])
def test_everything_goes_where_the_model_is(
    groups: list[Group], checkpoint: Path, packing: str, freeze: tuple[str, ...]
) -> None:
    learner = learner_of(checkpoint, packing=packing, freeze=freeze, entropy_coef=0.1)
    module = learner.module["default_policy"]
    with TwoDevices():
        with pytest.raises(MixedDevicesError):  # the watch can tell
            torch.ones(2).to(OTHER) + torch.ones(2)
        module.to(OTHER)
        assert all(map(is_there, module._reference[0].parameters()))
        learner._device = OTHER
        learner._remember(groups[:2])
        gradients(learner, groups[:2])


def test_any_number_of_learners_takes_the_step_of_one(
    groups: list[Group], checkpoint: Path, tmp_path: Path
) -> None:
    """1, 2 and 4 of them, over gloo; some hold nothing that has a gradient, some nothing at all."""
    (tmp_path / "groups.pickle").write_bytes(pickle.dumps((str(checkpoint), SIZE, groups)))
    command = [sys.executable, "-m", "tests.agents.ranks", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    one, *others = (torch.load(tmp_path / f"{count}.pt") for count in (1, 2, 4))
    for found in others:
        for case, steps in one.items():
            assert len(found[case]) == len(steps)
            for got, expected in zip(found[case], steps, strict=True):
                assert (got["gradient"] - expected["gradient"]).norm() <= 1e-5 * expected[
                    "gradient"
                ].norm()
                assert got["loss"] == pytest.approx(expected["loss"], rel=1e-4, abs=1e-6)


def gradient(learner: Any) -> torch.Tensor:
    """That of a learner's last step, flat."""
    return torch.cat([p.grad.flatten() for p in learner._params.values() if p.requires_grad])


def test_learners_in_processes_of_ray_take_the_step_of_one(
    groups: list[Group], checkpoint: Path
) -> None:
    """Through RLlib's learner group, as `run.num_learners` has it; over gloo."""
    env = vt_env.make()
    spaces = {"default_policy": (env.observation_space, env.action_space)}
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    found: list[torch.Tensor] = []
    try:
        for count in (0, 2):
            config = GRPOConfig().training(model_dir=str(checkpoint), num_generations=SIZE)
            group = config.learners(num_learners=count).build_learner_group(spaces=spaces)
            group.update(episodes=groups, timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: 1})
            each = [answer.get() for answer in group.foreach_learner(gradient)]
            assert len(each) == max(1, count)
            found += each
            group.shutdown()
    finally:
        ray.shutdown()
    assert found[0].norm() > 0
    for other in found[1:]:
        assert (other - found[0]).norm() <= 1e-5 * found[0].norm()
