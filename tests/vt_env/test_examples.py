"""Every example runs and does what it says."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from agents.tiny import CHECKPOINT
from vt_env import World

FOLDER = Path(__file__).resolve().parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    names = [path.stem for path in FOLDER.glob("*.py")]
    assert len(names) >= 7
    assert [name for name in names if f'load("{name}").main(' not in text] == []


def test_custom_agent(capsys: pytest.CaptureFixture[str]) -> None:
    mean = load("custom_agent").main(episodes=20)
    assert 0.3 < mean < 1.4
    assert f"mean return {mean:.3f}" in capsys.readouterr().out


def test_cold_start_crops_what_suffices(tmp_path: Path) -> None:
    path = tmp_path / "crops.jsonl"
    asked = load("cold_start").main("crop", path, 12)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(row["correct"] and row["well_formed"] for row in rows)
    crops = [row for row in rows if row["requested"]]
    assert asked == [12 - len(crops), len(crops), 0] and 0 < len(crops) < 12
    assert all(row["turns"][0]["tool"] == "crop" for row in crops)
    shown = [row["visual_tokens"] - 9 for row in crops]
    assert all(4 <= tokens <= 36 for tokens in shown) and min(shown) < 36
    world = World("train")
    for row in crops:
        (box,) = re.findall(r'"box": (\[.*?\])', row["turns"][0]["action"])
        seen = [2 * edge for edge in json.loads(box)]  # in pixels of the original
        left, top, right, bottom = world[row["episode"]].meta["box"]
        assert seen[0] <= left and seen[1] <= top and seen[2] >= right and seen[3] >= bottom


def test_cold_start_climbs(tmp_path: Path) -> None:
    path = tmp_path / "climbs.jsonl"
    asked = load("cold_start").main("climb", path, 12)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(row["correct"] and row["well_formed"] for row in rows)
    costs = [row["visual_tokens"] for row in rows]
    assert asked == [costs.count(4), costs.count(4 + 9), costs.count(4 + 9 + 36)]
    assert sum(asked) == 12 and min(asked) > 0


def test_custom_judge() -> None:
    scores = load("custom_judge").main()
    assert scores["?"] is None
    assert 0 < scores["horizontally"] <= 1


def test_custom_reward() -> None:
    from vt_env.shapers import GROUP_SHAPERS

    try:
        shaped = load("custom_reward").main()
    finally:
        GROUP_SHAPERS.remove("scarce")
    assert len(shaped) == 4
    assert shaped[0] == shaped[1] == shaped[2] < shaped[3]


def test_custom_task(capsys: pytest.CaptureFixture[str]) -> None:
    info = load("custom_task").main()
    assert info["sample_id"] == "clock-3"
    assert info["ending"] == "answered"
    assert "<image 224x224>" in capsys.readouterr().out


def test_own_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("own_data").main([]) == 1
    out = capsys.readouterr().out
    assert "1 of 3 rows cannot be used" in out
    assert "lost.jpg" in out
    assert "What color is it?" in out


def test_own_data_looks_at_a_file_that_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = load("own_data")
    path = example.write_some(tmp_path)
    (tmp_path / "lost.jpg").write_bytes((tmp_path / "red.jpg").read_bytes())
    assert example.main([str(path)]) == 0
    assert capsys.readouterr().out.count("visual tokens") == 3


def test_grpo_single_file_trains(capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    few = ["--iterations", "3", "--questions", "2", "--group", "4", "--eval-samples", "4"]
    policy, history = load("grpo_single_file").main(few)
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()] == [
        "3",
        "before",
        "1:",
        "2:",
        "3:",
        "after",
    ]
    assert "3: 0 s left" in said
    assert len(history) == 5
    for measured in history:
        shares = [measured[name] for name in ("asks when needed", "asks when not", "right")]
        assert not any(share < 0 or share > 1 for share in shares)  # NaN where there were none
        assert 0.25 <= measured["tokens"] <= 1.25
        assert -0.125 <= measured["return"] <= 1.475
    assert all(abs(measured["loss"]) < 10 for measured in history[1:-1])
    assert any(measured["loss"] for measured in history[1:-1])
    fresh = dict(type(policy)(str(CHECKPOINT)).model.named_parameters())
    moved = {
        name
        for name, weight in policy.model.named_parameters()
        if not torch.equal(weight, fresh[name])
    }
    assert moved == {name for name in fresh if ".visual." not in name}
    assert all(bool(weight.isfinite().all()) for weight in policy.model.parameters())


def test_grpo_single_file_refuses_a_group_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    with pytest.raises(SystemExit):
        load("grpo_single_file").main(["--group", "1"])
    assert "--group must be at least 2" in capsys.readouterr().err


def test_grpo_single_file_reads_and_learns_what_was_said() -> None:
    """Its own chat, sampling and log-probs are those of the package's engine and learner."""
    torch = pytest.importorskip("torch")
    from agents.models.chat import ChatEncoder, expand_images
    from vt_env import load_dataset

    example = load("grpo_single_file")
    settings = example.Settings()
    policy = example.Policy(settings.model)
    torch.manual_seed(0)
    talks = example.play(policy, load_dataset("world", split="validation"), range(6), settings)
    encoder = ChatEncoder(policy.tokenizer)
    asked = [talk for talk in talks if talk.info["requested"]]
    assert 0 < len(asked) < len(talks)
    for talk in talks:
        messages = talk.env.unwrapped.episode.messages
        opening = expand_images(encoder.opening(messages[:2]), encoder.image_pad, [9])
        assert talk.ids[: len(opening)] == opening
        assert not any(talk.sampled[: len(opening)])
        own = [i for i, mine in zip(talk.ids, talk.sampled, strict=True) if mine]
        turns = [message.content[0] for message in messages if message.role == "assistant"]
        assert policy.tokenizer.decode(own) == "<|im_end|>".join([*turns, ""])
    for talk in asked:
        messages = talk.env.unwrapped.episode.messages
        reply = expand_images(encoder.continuation(messages[3]), encoder.image_pad, [36])
        assert str(reply)[1:-1] in str(talk.ids)
    with torch.no_grad():
        rows, logp, entropy = policy.logprobs(talks)
    said = [p for talk in talks for p, mine in zip(talk.logp, talk.sampled, strict=True) if mine]
    assert rows.tolist() == sorted(rows.tolist())
    assert torch.allclose(logp, torch.tensor(said), atol=1e-4)
    assert bool((entropy >= 0).all())


@pytest.mark.filterwarnings("ignore")  # Ray's own warnings
def test_rllib_ppo_trains() -> None:
    pytest.importorskip("ray.rllib")
    returns = load("rllib_ppo").main(iterations=3, batch=128)
    assert len(returns) == 3
    assert all(-0.5 < value < 1.5 for value in returns)


def test_cleanrl_ppo_trains() -> None:
    assert -0.5 < load("cleanrl_ppo").main(steps=256, rollout=16) < 1.5


@pytest.mark.filterwarnings("ignore")
def test_sb3_ppo_trains() -> None:
    pytest.importorskip("stable_baselines3")
    assert -0.5 < load("sb3_ppo").main(steps=384, rollout=128) < 1.5
