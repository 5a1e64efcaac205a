"""Records of episodes: one schema, whoever writes them; the judge reads it."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from agents.backends import GenerationBackend, Sampling
from agents.rollouts.collect import collect
from benchmarks.evaluation.baselines import write_records
from judges import EpisodeRecord, JudgeCase, JudgeError, RuleJudge, TurnRecord, read_cases
from judges.records import case_from_record
from tests.vt_env.helpers import BAD_CALL, REQUEST, AbstainingJudge, answer
from vt_env.env import VisionThinkEnv
from vt_env.wrappers import RecordTrajectories


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def shape(record: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Names of the fields of a record and of its turns."""
    return list(record), [list(turn) for turn in record["turns"]]


def test_all_episodes_jsonl_have_one_schema(hf_backend: GenerationBackend, tmp_path: Path) -> None:
    env = VisionThinkEnv(split="test", max_turns=3)
    played = collect(
        hf_backend, [env.new_episode(5)], env.judge, Sampling(seed=1, max_new_tokens=32)
    )
    write_records(played, tmp_path / "evaluated.jsonl")
    recorder = RecordTrajectories(env, tmp_path)
    recorder.reset(options={"index": 5})
    for turn in played[0].record.turns:
        recorder.step(turn.action)
    (evaluated,), (recorded,) = (
        lines(tmp_path / name) for name in ("evaluated.jsonl", "episodes.jsonl")
    )
    names = [item.name for item in fields(EpisodeRecord)]
    turn_names = [item.name for item in fields(TurnRecord)]
    for record in (evaluated, recorded):
        assert shape(record) == (names, [turn_names] * len(played[0].record.turns))
    for turn in recorded["turns"]:
        assert (tmp_path / turn.pop("image")).is_file()
    for turn in evaluated["turns"]:
        assert turn.pop("image") is None
    assert recorded == evaluated
    assert sum(recorded["reward_terms"].values()) == pytest.approx(recorded["reward"])
    terms = [term for turn in recorded["turns"] for term in turn["reward_terms"].values()]
    assert sum(terms) == pytest.approx(recorded["reward"])


def test_the_judge_reads_what_the_wrapper_writes(tmp_path: Path) -> None:
    env = RecordTrajectories(VisionThinkEnv(split="test", max_turns=2), tmp_path)
    env.reset(options={"index": 3})
    env.step(REQUEST)
    env.step(answer("red"))
    env.reset(options={"index": 4})
    env.step("nonsense")
    inner = env.unwrapped
    assert isinstance(inner, VisionThinkEnv)
    sample = inner.dataset[3]
    (case,) = read_cases(tmp_path / "episodes.jsonl")
    assert case == JudgeCase(
        sample.question, sample.answers, "red", sample.kind, sample.choices, sample.tolerance
    )
    first, second = lines(tmp_path / "episodes.jsonl")
    assert RuleJudge().judge([case])[0].score == first["score"]
    assert (second["prediction"], second["ending"], second["correct"]) == (None, "malformed", False)


def test_what_was_seen_and_earned_is_in_the_turns() -> None:
    env = VisionThinkEnv(judge=AbstainingJudge(), max_turns=3)
    env.reset(seed=0)
    env.step(BAD_CALL)
    _, _, _, _, info = env.step(answer("red"))
    assert env.episode is not None
    record = env.episode.record(7, ["a.png", "b.png"])
    assert (record.episode, record.abstained, record.correct) == (7, "timeout", None)
    assert [turn.image for turn in record.turns] == ["a.png", "b.png"]
    assert record.turns[0].feedback == ""
    assert "not valid JSON" in record.turns[1].feedback
    assert record.turns[1].reward_terms == info["reward_terms"]


def test_records_are_read(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    records: list[dict[str, Any]] = [
        {"question": "q", "references": ["a", "b"], "prediction": "a", "reward": 1.5},
        {"question": "q", "answer": 47, "prediction": "47", "kind": "integer", "tolerance": 1},
        {"question": "q", "references": ["a"], "prediction": None},
        {"question": "q", "answer": "B", "prediction": "b", "choices": ["x", "y"]},
    ]
    path.write_text("\n\n".join(json.dumps(record) for record in records), encoding="utf-8")
    assert read_cases(path) == [
        JudgeCase("q", ("a", "b"), "a"),
        JudgeCase("q", ("47",), "47", kind="integer", tolerance=1),
        JudgeCase("q", ("B",), "b", choices=("x", "y")),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"question": "q", "prediction": "p"}',
        '{"question": "q", "references": [], "prediction": "p"}',
        '{"question": 1, "references": ["a"], "prediction": "p"}',
        '{"question": "q", "references": ["a"], "prediction": "p", "kind": "colour"}',
        '{"question": "q", "references": ["a"], "prediction": "p", "tolerance": "wide"}',
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "records.jsonl"
    good = '{"question": "q", "references": ["a"], "prediction": "p"}'
    path.write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(JudgeError, match="line 2"):
        read_cases(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=r"none\.jsonl"):
        read_cases(tmp_path / "none.jsonl")
    with pytest.raises(JudgeError, match="question"):
        case_from_record({})
