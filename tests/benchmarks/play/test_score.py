"""The person beside the others on the same samples."""

from pathlib import Path

import pytest

from benchmarks.play.score import PolicyEpisodes, perfect_episodes, scored
from tests.agents.helpers import trajectory
from tests.benchmarks.play.games import ENOUGH, NEEDS, env_of, game_of, right
from vt_env import Outcome


def episode(name: str, need: bool, requested: bool, correct: bool):  # type: ignore[no-untyped-def]
    return trajectory(
        sample_id=name,
        outcome=Outcome(correct, requested, True, need),
        reward_terms={"accuracy": float(correct), "token_cost": -0.1 * requested},
        visual_tokens=20 if requested else 4,
    )


OWN = [episode("a", True, False, False), episode("b", False, False, True)]
LOW = OWN
HIGH = [episode("a", True, True, True), episode("b", False, True, True)]
PERSON = [HIGH[0], HIGH[1]]
PERFECT = [HIGH[0], LOW[1]]


def test_with_a_policy_the_regret_is_to_its_oracle() -> None:
    score = scored(PERSON, PERFECT, PolicyEpisodes(OWN, LOW, HIGH))
    assert list(score.rows) == ["you", "policy", "oracle", "perfect"]
    regrets = {name: row["regret_to_start_oracle"] for name, row in score.rows.items()}
    assert regrets == {"you": 0.05, "policy": 0.45, "oracle": 0.0, "perfect": 0.0}
    assert score.summary["regret_to_oracle"] == 0.05 == score.summary["regret_to_perfect"]
    assert score.summary["episodes"] == 2 and score.title == "2 samples"
    assert list(score.summary["baselines"]) == ["policy", "oracle", "perfect"]
    assert score.summary["baselines"]["oracle"]["margin_decision"] == "answer"
    assert "oracle is the policy" in score.notes[0]


def test_who_reads_better_than_the_policy_beats_its_oracle() -> None:
    blind = [episode("a", True, True, False), episode("b", False, True, False)]
    policy = PolicyEpisodes(OWN, [episode("a", True, False, False), OWN[1]], blind)
    score = scored(PERFECT, PERFECT, policy)
    assert score.summary["regret_to_oracle"] < 0 == score.summary["regret_to_perfect"]


def test_without_a_policy_the_regret_is_to_perfect() -> None:
    score = scored(PERSON, PERFECT, None)
    assert list(score.rows) == ["you", "perfect"]
    assert score.rows["you"]["regret_to_start_oracle"] == 0.05
    assert "regret_to_oracle" not in score.summary and "perfect has" in score.notes[0]


@pytest.mark.parametrize("settings", [{}, {"tools": ("crop",)}, {"max_turns": 1}])
def test_perfect_is_right_and_asks_where_it_is_needed(settings: dict[str, object]) -> None:
    needed, enough = perfect_episodes(env_of(**settings), [NEEDS, ENOUGH])
    assert needed.outcome.correct and enough.outcome.correct
    assert needed.outcome.requested == (settings != {"max_turns": 1})
    assert not enough.outcome.requested
    assert needed.outcome.well_formed and enough.outcome.well_formed


def test_a_person_who_does_as_perfect_has_its_score(tmp_path: Path) -> None:
    game = game_of(tmp_path)
    game.ask("resize")
    game.answer(right(NEEDS))
    game.go_on()
    game.answer(right(ENOUGH))
    score = scored(game.episodes, perfect_episodes(env_of(), game.played), None)
    you, perfect = score.rows["you"], score.rows["perfect"]
    assert you == perfect and you["accuracy"] == 1.0 and you["regret_to_perfect"] == 0.0
