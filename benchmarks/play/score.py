"""The score of a game: the person beside the policy and the oracle on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents import Trajectory
from agents.policies.play import play_agent
from agents.policies.scripted import OracleAgent
from agents.rollouts.metrics import summary_metrics
from benchmarks.evaluation.oracle import oracle_episodes, regret
from vt_env import VisionThinkEnv

PERSON, POLICY, ORACLE, PERFECT = "you", "policy", "oracle", "perfect"
ABOUT = {
    True: "Regret: what the oracle has over a row, in units of reward. The oracle is the policy "
    "with its decision taken by the known need; whoever reads better than it may beat it.",
    False: "Regret: what perfect has over a row, in units of reward.",
}
"""What the table's regret is to: with a policy, and without."""
ABOUT_PERFECT = "Perfect is no model: always right, and asking where that is known to be needed."


@dataclass(frozen=True)
class PolicyEpisodes:
    """What the policy played of the same samples, in the same order.

    Attributes:
        own: Its decisions its own.
        low: Its requests forced off, at temperature 0.
        high: A request forced on, at temperature 0.
    """

    own: list[Trajectory]
    low: list[Trajectory]
    high: list[Trajectory]


@dataclass(frozen=True)
class Score:
    """The outcome of a game.

    Attributes:
        summary: What is written: the person's metrics, and the others' under ``baselines``.
        rows: Metrics by who played, as `metrics_table` takes them.
        notes: Sentences that say what the rows and the regret are.
    """

    summary: dict[str, Any]
    rows: dict[str, dict[str, Any]]
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What stands above the table."""
        count = self.summary["episodes"]
        return f"{count} sample{'s' * (count != 1)}"


def scored(
    person: Sequence[Trajectory], perfect: Sequence[Trajectory], policy: PolicyEpisodes | None
) -> Score:
    """Puts the person beside the others.

    Args:
        person: What the person played; at least one episode.
        perfect: From `perfect_episodes`, of the same samples.
        policy: What the policy played of them; None: no policy plays.
    """
    played: dict[str, Sequence[Trajectory]] = {PERSON: person}
    margin: dict[str, Any] = {}
    if policy is not None:
        oracle, decision = oracle_episodes(policy.low, policy.high)
        played |= {POLICY: policy.own, ORACLE: oracle}
        margin = {ORACLE: {"margin_decision": decision}}
    played[PERFECT] = perfect
    metrics = {name: summary_metrics(episodes) for name, episodes in played.items()}
    best = {f"regret_to_{n}": metrics[n]["reward"] for n in (ORACLE, PERFECT) if n in metrics}
    rows: dict[str, dict[str, Any]] = {
        name: {**row, **{key: regret(row["reward"], most) for key, most in best.items()}}
        for name, row in metrics.items()
    }
    others = {name: {**row, **margin.get(name, {})} for name, row in rows.items() if name != PERSON}
    told = f"regret_to_{ORACLE if policy else PERFECT}"
    shown = {name: {**row, "regret_to_start_oracle": row[told]} for name, row in rows.items()}
    notes = (ABOUT[policy is not None], ABOUT_PERFECT)
    return Score({**rows[PERSON], "baselines": others}, shown, notes)


def perfect_episodes(env: VisionThinkEnv, indices: Sequence[int]) -> list[Trajectory]:
    """The samples as somebody plays them who always answers right, and asks where it is needed.

    In the margin, and where the need is not known, the answer is given at once.

    Raises:
        ImageError: If an image cannot be read.
        JudgeError: If the judge cannot work.
    """
    episodes = [env.new_episode(index) for index in indices]
    return play_agent(OracleAgent(), episodes, env.judge, [0] * len(episodes))
