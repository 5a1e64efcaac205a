"""An evaluation from settings to files: agents side by side, resumed, refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.policies import AGENTS
from agents.policies.scripted import OracleAgent, RandomAgent
from benchmarks.evaluation import policy
from benchmarks.evaluation.policy import EvalSettings, evaluate_policy
from vt_env import ConfigError
from vt_env.settings.tree import build

FILES = ("episodes.jsonl", "always_low.jsonl", "always_high.jsonl")


def settings(**given: object) -> EvalSettings:
    plain = {"engine.model_dir": "none", "agent.name": "random", "samples": 120}
    return build(EvalSettings, {**plain, **given})


def read(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_agents_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played = evaluate_policy(settings(compare=("oracle", "always_answer")), tmp_path / "a")
    assert [one.name for one in played] == ["random", "oracle", "always_answer"]
    assert {t.sample_id for t in played[0].own} == {t.sample_id for t in played[1].own}
    found = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert [row["agent"] for row in found["agents"]] == ["random", "oracle", "always_answer"]
    assert found["agents"][1]["accuracy"] == 1.0
    assert found["compared"][0]["accuracy"]["low"] > 0
    for name, ways in (("random", FILES), ("oracle", FILES[:1])):
        folder = tmp_path / "a" / name
        assert {file.name for file in folder.glob("*.jsonl")} == set(ways)
        lines = (folder / "episodes.jsonl").read_text().splitlines()
        assert [json.loads(line)["episode"] for line in lines] == list(range(120))
    said = capsys.readouterr().out
    assert "Less random, on the same 120 samples" in said and "Regret" in said


def test_a_killed_evaluation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the midst of any way, and with half a line written."""
    wanted = settings(compare=("always_request",))
    evaluate_policy(wanted, tmp_path / "whole")
    whole = read(tmp_path / "whole")
    turns = 0
    act = RandomAgent.act

    def ends(self: RandomAgent, views: object) -> list[str]:
        nonlocal turns
        turns += 1
        if turns == 7:
            raise KeyboardInterrupt
        return act(self, views)  # type: ignore[arg-type]

    monkeypatch.setattr(RandomAgent, "act", ends)
    with pytest.raises(KeyboardInterrupt):
        evaluate_policy(wanted, tmp_path / "broken")
    monkeypatch.setattr(RandomAgent, "act", act)
    broken = tmp_path / "broken" / "random" / "episodes.jsonl"
    data = broken.read_bytes()
    assert 0 < data.count(b"\n") < 240 and not (tmp_path / "broken" / "summary.json").exists()
    broken.write_bytes(data + b'{"episode": 1')
    monkeypatch.setattr(OracleAgent, "act", None)
    evaluate_policy(wanted, tmp_path / "broken")
    assert read(tmp_path / "broken") == whole
    # All that is done is not played again.
    monkeypatch.setattr(RandomAgent, "act", None)
    evaluate_policy(wanted, tmp_path / "broken")
    assert read(tmp_path / "broken") == whole


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    evaluate_policy(settings(samples=4), tmp_path / "a")
    before = read(tmp_path / "a")
    with pytest.raises(ConfigError, match=r"other settings \(samples\)"):
        evaluate_policy(settings(samples=5), tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "episodes.jsonl").write_text("mine\n")
    with pytest.raises(ConfigError, match="did not write"):
        evaluate_policy(settings(), tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "settings.json").write_text("[]")
    with pytest.raises(ConfigError, match="not the settings"):
        evaluate_policy(settings(), tmp_path / "c")
    assert read(tmp_path / "a") == before
    damaged = tmp_path / "a" / "episodes.jsonl"
    damaged.write_bytes(b"nothing\n" + damaged.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(ConfigError, match=r"episodes\.jsonl, line 1"):
        evaluate_policy(settings(samples=4), tmp_path / "a")


@pytest.mark.parametrize("compare", [("random",), ("oracle", "oracle")])
def test_two_of_one_name_are_refused(compare: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="once"):
        evaluate_policy(settings(compare=compare), None)


class Tuned(RandomAgent):
    """Chooses how often it asks on what it is given."""

    seen: list[str] = []  # noqa: RUF012

    @property
    def wants_calibration(self) -> bool:
        return not self.seen

    def calibrate(self, play: object) -> None:
        self.seen.extend(t.sample_id for t in play())  # type: ignore[operator]

    def told(self) -> dict[str, float]:
        return {"seen": float(len(self.seen))}


@pytest.fixture
def tuned() -> Iterator[str]:
    AGENTS.register("tuned", Tuned)
    Tuned.seen.clear()
    yield "tuned"
    AGENTS.remove("tuned")


def test_what_is_chosen_is_chosen_on_other_samples(tmp_path: Path, tuned: str) -> None:
    wanted = settings(samples=8, calibration=60, **{"agent.name": tuned})
    (played,) = evaluate_policy(wanted, tmp_path / "a")
    assert Tuned.seen == [f"validation-0-{n}" for n in range(60)]
    assert {t.sample_id for t in played.own} == {f"test-0-{n}" for n in range(8)}
    assert json.loads((tmp_path / "a" / "summary.json").read_text())["told"] == {"seen": 60.0}
    Tuned.seen.clear()
    with pytest.raises(ConfigError, match="calibration_split"):
        evaluate_policy(settings(calibration_split="test", **{"agent.name": tuned}), None)


def test_a_decision_that_is_forced_has_no_baselines(tmp_path: Path) -> None:
    (played,) = evaluate_policy(settings(decision="request", samples=6), tmp_path / "a")
    assert not played.forced and all(t.outcome.requested for t in played.own)
    assert [file.name for file in (tmp_path / "a").glob("*.jsonl")] == ["episodes.jsonl"]
    (plain,) = evaluate_policy(settings(baselines=False, samples=6), None)
    assert not plain.forced


def test_scipy_is_missed_before_anything_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(policy.importlib, "import_module", missing)
    monkeypatch.setattr(policy, "open_env", None)
    with pytest.raises(ModuleNotFoundError, match="scipy"):
        evaluate_policy(settings(), None)
