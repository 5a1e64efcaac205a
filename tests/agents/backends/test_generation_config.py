"""A published checkpoint's `generation_config.json` is for chatting; no engine samples by it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agents.backends import GenerationBackend, Sampling, check_backend, make_backend
from agents.errors import BackendError, TrainingError
from agents.grpo.algorithm import GRPOConfig
from agents.grpo.export import save_policy
from agents.models.checkpoints import load_model
from tests.agents.test_backends import requests
from vt_env.errors import ParameterError

PUBLISHED = {
    "do_sample": True,
    "repetition_penalty": 1.05,
    "temperature": 0.000001,
    "top_k": 1,
    "top_p": 0.001,
}
"""What Qwen2.5-VL comes with."""
OTHERS = {
    "min_p": 0.3,
    "typical_p": 0.2,
    "no_repeat_ngram_size": 2,
    "suppress_tokens": list(range(20, 60)),
    "min_new_tokens": 20,
    "num_beams": 2,
    "max_length": 3,
    "stop_strings": ["a"],
    "begin_suppress_tokens": [1, 2, 3],
}


def spoilt(checkpoint: Path, folder: Path, **given: Any) -> Path:
    """A copy of the checkpoint that says more of how it is sampled."""
    path = Path(shutil.copytree(checkpoint, folder))
    file = path / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | given))
    return path


def stops_at(checkpoint: Path, token: str, backend: GenerationBackend) -> list[int]:
    own = json.loads((checkpoint / "generation_config.json").read_text())["eos_token_id"]
    return [*own, *backend.encoder.encode(token)]


@pytest.mark.parametrize("temperature", [1.0, 0.0])
@pytest.mark.parametrize("given", [PUBLISHED, OTHERS], ids=["published", "others"])
def test_transformers_draws_as_if_it_were_not_there(
    given: dict[str, Any],
    temperature: float,
    hf_backend: GenerationBackend,
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    backend = make_backend("transformers", spoilt(checkpoint, tmp_path / "a", **given))
    asked = requests(backend, 6)
    sampling = Sampling(temperature=temperature, seed=3, max_new_tokens=32)
    assert backend.generate(asked, sampling) == hf_backend.generate(asked, sampling)


def test_an_old_config_that_samples_is_not_heard_either(
    hf_backend: GenerationBackend, checkpoint: Path, tmp_path: Path
) -> None:
    path = spoilt(checkpoint, tmp_path / "a")
    config = json.loads((path / "config.json").read_text())
    config |= {"repetition_penalty": 1.3, "top_k": 1}
    config["text_config"] |= {"top_p": 0.1}
    (path / "config.json").write_text(json.dumps(config))
    backend = make_backend("transformers", path)
    asked, sampling = requests(backend, 6), Sampling(seed=3, max_new_tokens=32)
    assert backend.generate(asked, sampling) == hf_backend.generate(asked, sampling)
    load_model(path).save_pretrained(tmp_path / "saved")


def test_vllm_draws_as_if_it_were_not_there(
    vllm_backend: GenerationBackend, checkpoint: Path, tmp_path: Path
) -> None:
    """The tags that close a thought are said to end the text, which would cut every turn there."""
    stops = stops_at(checkpoint, "</think>", vllm_backend)
    path = spoilt(checkpoint, tmp_path / "a", **PUBLISHED, eos_token_id=stops)
    backend = make_backend("vllm", path)
    try:
        asked = requests(backend, 6)
        for sampling in (
            Sampling(seed=3, max_new_tokens=32),
            Sampling(temperature=0.0, max_new_tokens=32),
        ):
            found = backend.generate(asked, sampling)
            assert all(result.finished for result in found)
            expected = vllm_backend.generate(asked, sampling)
            assert [g.token_ids for g in found] == [g.token_ids for g in expected]
    finally:
        backend.close()


@pytest.mark.parametrize(
    "given",
    [
        PUBLISHED,
        {"temperature": 0.000001, "top_k": 1},  # without do_sample, it cannot even be saved
        OTHERS,
    ],
)
def test_a_trained_model_is_saved_with_nothing_but_its_ids(
    given: dict[str, Any], checkpoint: Path, tmp_path: Path
) -> None:
    path = spoilt(checkpoint, tmp_path / "a", **given)
    config = GRPOConfig().training(model_dir=str(path))
    config.validate()
    save_policy(load_model(path).state_dict(), config, tmp_path / "saved")
    saved = json.loads((tmp_path / "saved" / "generation_config.json").read_text())
    own = json.loads((checkpoint / "generation_config.json").read_text())
    saved.pop("transformers_version"), own.pop("transformers_version")
    assert saved == own


@pytest.mark.parametrize(
    "name",
    ["generation_config", "override_generation_config", "logits_processors", "logprobs_mode"],
)
def test_arguments_of_vllm_that_change_what_is_drawn_are_refused(
    name: str, checkpoint: Path
) -> None:
    with pytest.raises(BackendError, match=f"engine: {name} cannot be set"):
        make_backend("vllm", checkpoint, engine={name: {}})


@pytest.mark.parametrize("name", ["top_p", "top_k", "min_p", "repetition_penalty"])
def test_a_truncated_distribution_is_refused_by_name(name: str) -> None:
    with pytest.raises(TrainingError, match=f"{name} is no setting.*whole distribution"):
        GRPOConfig().training(**{name: 0.9})
    for backend in ("transformers", "vllm"):
        with pytest.raises(ParameterError, match=name):
            check_backend(backend, **{name: 0.9})
