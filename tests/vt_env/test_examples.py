"""Every example runs and does what it says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

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


@pytest.mark.filterwarnings("ignore")  # Ray's own warnings
def test_rllib_ppo_trains() -> None:
    pytest.importorskip("ray.rllib")
    returns = load("rllib_ppo").main(iterations=3, batch=128)
    assert len(returns) == 3
    assert all(-0.5 < value < 1.5 for value in returns)


@pytest.mark.filterwarnings("ignore")
def test_sb3_ppo_trains() -> None:
    pytest.importorskip("stable_baselines3")
    assert -0.5 < load("sb3_ppo").main(steps=384, rollout=128) < 1.5
