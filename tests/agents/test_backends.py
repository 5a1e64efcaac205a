"""The contract of every generation engine, run against the real ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.backends import (
    GenerationBackend,
    GenerationRequest,
    LoadsSome,
    Sampling,
    check_backend,
    make_backend,
)
from agents.backends.transformers_backend import TransformersBackend
from agents.backends.vllm_backend import cache_bytes
from agents.errors import BackendError
from agents.grpo.freezing import changing, freeze
from agents.models.checkpoints import load_model
from agents.rollouts.collect import collect
from judges import make_judge
from tests.agents.helpers import world_episodes
from vt_env.errors import ConfigError, ParameterError, UnknownNameError


def requests(backend: GenerationBackend, count: int = 6) -> list[GenerationRequest]:
    return [
        GenerationRequest(
            tuple(backend.encoder.opening(episode.messages)),
            (np.array(episode.observation.image),),
        )
        for episode in world_episodes(count)
    ]


class BackendContract:
    """What every engine keeps; subclasses give the engine."""

    @pytest.fixture
    def backend(self) -> GenerationBackend:
        raise NotImplementedError

    def test_results_come_in_order_and_whole(self, backend: GenerationBackend) -> None:
        asked = requests(backend)
        together = backend.generate(asked, Sampling(temperature=0.0, max_new_tokens=32))
        alone = [
            backend.generate([one], Sampling(temperature=0.0, max_new_tokens=32))[0]
            for one in asked
        ]
        assert [g.token_ids for g in together] == [g.token_ids for g in alone]
        for request, result in zip(asked, together, strict=True):
            assert len(result.token_ids) == len(result.logprobs) > 0
            assert result.prompt_ids.count(backend.encoder.image_pad) == 9
            assert len(result.prompt_ids) == len(request.prompt_ids) + 8

    def test_the_same_seed_draws_the_same_tokens(self, backend: GenerationBackend) -> None:
        asked = requests(backend)
        first = backend.generate(asked, Sampling(seed=5, max_new_tokens=32))
        assert backend.generate(asked, Sampling(seed=5, max_new_tokens=32)) == first
        others = [
            backend.generate(asked, Sampling(seed=seed, max_new_tokens=32)) for seed in range(6, 12)
        ]
        assert any(other != first for other in others)

    def test_the_global_generator_is_left_alone(self, backend: GenerationBackend) -> None:
        torch.manual_seed(3)
        expected = torch.rand(2)
        torch.manual_seed(3)
        backend.generate(requests(backend, 2), Sampling(seed=1, max_new_tokens=32))
        assert torch.equal(torch.rand(2), expected)

    def test_banned_ids_are_never_sampled(
        self, backend: GenerationBackend, checkpoint: Path
    ) -> None:
        weights = load_model(checkpoint).state_dict()
        flat = {**weights, "lm_head.weight": torch.zeros_like(weights["lm_head.weight"])}
        backend.load_weights(flat)  # every token is equally likely: a ban that leaks would show
        try:
            drawn = backend.generate(requests(backend, 40), Sampling(max_new_tokens=64, seed=2))
        finally:
            backend.load_weights(weights)
        sampled = [token for result in drawn for token in result.token_ids]
        assert len(sampled) > 1000
        assert len(set(sampled)) > len(backend.encoder.tokenizer) / 2
        assert not set(sampled) & set(backend.encoder.banned)

    def test_the_token_limit_is_told(self, backend: GenerationBackend) -> None:
        short = backend.generate(requests(backend, 3), Sampling(max_new_tokens=2))
        assert [(len(g.token_ids), g.finished) for g in short] == [(2, False)] * 3
        whole = backend.generate(requests(backend, 3), Sampling(temperature=0.0, max_new_tokens=32))
        assert all(g.finished and g.token_ids[-1] == backend.encoder.eos for g in whole)

    def test_nothing_asked_nothing_given(self, backend: GenerationBackend) -> None:
        assert backend.generate([], Sampling(max_new_tokens=32)) == []

    def test_new_weights_change_the_answers_and_old_ones_restore_them(
        self, backend: GenerationBackend, checkpoint: Path
    ) -> None:
        asked = requests(backend)
        before = backend.generate(asked, Sampling(temperature=0.0, max_new_tokens=32))
        weights = load_model(checkpoint).state_dict()
        generator = torch.Generator().manual_seed(0)
        noisy = {
            name: tensor + 0.3 * torch.randn(tensor.shape, generator=generator)
            for name, tensor in weights.items()
        }
        backend.load_weights(noisy)
        changed = backend.generate(asked, Sampling(temperature=0.0, max_new_tokens=32))
        backend.load_weights(weights)
        after = backend.generate(asked, Sampling(temperature=0.0, max_new_tokens=32))
        assert [g.token_ids for g in changed] != [g.token_ids for g in before]
        assert [g.token_ids for g in after] == [g.token_ids for g in before]
        for one, other in zip(before, after, strict=True):
            assert other.logprobs == pytest.approx(one.logprobs, abs=1e-4)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda w, name: w.pop(name), "lack a tensor .*layers.2.mlp.down_proj"),
            (lambda w, name: w.update({name: w[name][:-1]}), "another shape than the model's"),
            (lambda w, name: w.update({"model.extra": w[name]}), "unknown to the model"),
        ],
    )
    def test_a_part_of_the_weights_is_refused_and_nothing_changes(
        self, backend: GenerationBackend, checkpoint: Path, change: Any, message: str
    ) -> None:
        asked = requests(backend, 3)
        before = backend.generate(asked, Sampling(temperature=0.0, max_new_tokens=32))
        weights = {name: tensor * 0 for name, tensor in load_model(checkpoint).state_dict().items()}
        change(weights, "model.language_model.layers.2.mlp.down_proj.weight")
        with pytest.raises(BackendError, match=message):
            backend.load_weights(weights)
        assert backend.generate(asked, Sampling(temperature=0.0, max_new_tokens=32)) == before

    def test_the_layers_that_changed_are_enough(
        self, backend: GenerationBackend, checkpoint: Path
    ) -> None:
        """Engines fuse weights of a layer; those of the others stay."""
        if not isinstance(backend, LoadsSome):
            pytest.skip("an engine need not")
        model = load_model(checkpoint)
        freeze(model, ("vision", "*.layers.[01].*", "*.layers.2.self_attn.[qk]*", "*.norm.*"))
        weights = model.state_dict()
        some = changing(model)
        assert "model.language_model.layers.2.self_attn.q_proj.weight" in some
        assert not [name for name in some if "visual" in name or ".layers.0." in name]
        generator = torch.Generator().manual_seed(0)
        noisy = {
            name: tensor + 0.3 * torch.randn(tensor.shape, generator=generator)
            for name, tensor in weights.items()
        }
        asked, greedy = requests(backend), Sampling(temperature=0.0, max_new_tokens=32)
        try:
            backend.load_weights(weights | {name: noisy[name] for name in some})
            whole = backend.generate(asked, greedy)
            backend.load_weights(weights)
            before = backend.generate(asked, greedy)
            for _ in range(2):
                backend.load_some({name: noisy[name] for name in some})
                assert backend.generate(asked, greedy) == whole
            with pytest.raises(BackendError, match="unknown to the model"):
                backend.load_some({"model.extra": noisy[some[0]]})
            with pytest.raises(BackendError, match="another shape"):
                backend.load_some({some[0]: noisy[some[0]][:-1]})
            assert backend.generate(asked, greedy) == whole
            backend.load_some({name: weights[name] for name in some})
            after = backend.generate(asked, greedy)
        finally:
            backend.load_weights(weights)
        assert [g.token_ids for g in before] == [g.token_ids for g in after]
        assert [g.token_ids for g in before] != [g.token_ids for g in whole]

    def test_plays_whole_episodes(self, backend: GenerationBackend) -> None:
        played = collect(
            backend, world_episodes(12), make_judge("rule"), Sampling(seed=1, max_new_tokens=32)
        )
        assert len(played) == 12
        assert {len(t.images) for t in played} == {1, 2}


class TestTransformersBackend(BackendContract):
    @pytest.fixture
    def backend(self, hf_backend: GenerationBackend) -> GenerationBackend:
        return hf_backend


class TestVLLMBackend(BackendContract):
    @pytest.fixture
    def backend(self, vllm_backend: GenerationBackend) -> GenerationBackend:
        return vllm_backend


def test_unknown_engine_suggests() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'vllm'"):
        make_backend("vlm", "anywhere")


def test_arguments_of_an_engine_are_checked_before_it_starts() -> None:
    with pytest.raises(ParameterError, match=r"'transformers'.*Did you mean 'batch_size'"):
        make_backend("transformers", "anywhere", batchsize=3)
    with pytest.raises(ParameterError, match=r"'vllm'.*not 'model_dir'"):
        check_backend("vllm", model_dir="anywhere")


class NoEngine:
    """Lacks everything that an engine has."""

    def __init__(self, model_dir: str) -> None: ...


class OwnEngine(TransformersBackend):
    """An engine of one's own: the reference one under another name."""


def test_an_engine_of_ones_own_is_named_by_where_it_is(checkpoint: Path) -> None:
    backend = make_backend(f"{__name__}:OwnEngine", checkpoint, batch_size=2)
    assert isinstance(backend, OwnEngine)
    assert (
        len(backend.generate(requests(backend, 3), Sampling(temperature=0.0, max_new_tokens=32)))
        == 3
    )
    backend.close()
    with pytest.raises(BackendError, match="made a NoEngine, which lacks"):
        make_backend(f"{__name__}:NoEngine", checkpoint)


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no config\.json"):
        make_backend("transformers", tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BackendError, match="safetensors"):
        make_backend("transformers", tmp_path)


def test_sampling_is_checked() -> None:
    with pytest.raises(ConfigError, match="temperature"):
        Sampling(temperature=-1.0, max_new_tokens=32)
    with pytest.raises(ConfigError, match="max_new_tokens"):
        Sampling(max_new_tokens=0)


def test_the_context_is_the_checkpoints_unless_told(
    hf_backend: GenerationBackend, checkpoint: Path
) -> None:
    assert hf_backend.context_length == 1024
    told = make_backend("transformers", checkpoint, max_model_len=77)
    assert told.context_length == 77
    told.close()


def test_the_cache_holds_one_conversation_at_least(checkpoint: Path, tmp_path: Path) -> None:
    assert cache_bytes(checkpoint, 1024) == 128 * 2**20
    shape = {"num_hidden_layers": 28, "num_attention_heads": 12, "hidden_size": 1536}
    for config in ({**shape, "num_key_value_heads": 2}, {"text_config": {**shape, "head_dim": 8}}):
        (tmp_path / "config.json").write_text(json.dumps(config))
        token = 28 * 2 * 4 * (2 * 128 if "hidden_size" in config else 12 * 8)
        assert token * 32768 < cache_bytes(tmp_path, 32768) < token * 32768 * 1.2
    (tmp_path / "config.json").write_text("{}")
    assert cache_bytes(tmp_path, 32768) == 128 * 2**20
