"""Evaluates a policy, or any agents beside each other, and says what they came to."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents import Trajectory, Way
from agents.grpo.config import SEED, GRPOSettings
from agents.rollouts import JUDGED
from benchmarks.evaluation.candidates import (
    AGENT_BATCH,
    POLICY,
    AgentCandidate,
    AgentSettings,
    Candidate,
    candidate,
)
from benchmarks.evaluation.compared import (
    ABOUT,
    BASELINES,
    Compared,
    Played,
    compared,
    compared_table,
    evaluation_table,
    summary_of,
)
from benchmarks.evaluation.kept_episodes import OWN, KeptEpisodes, slug
from benchmarks.evaluation.limits import limits_record, shares_of, show_limits
from benchmarks.evaluation.play import OpenSettings, batches, first_indices
from benchmarks.report.terminal import console, family_table
from benchmarks.safety.disk import storing, write_json
from benchmarks.safety.writer import sole_writer
from judges import AbstentionLimit, check_judge
from vt_env import ConfigError, VisionThinkEnv, open_env
from vt_env.data.settings import WORLD, check_sources
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

WORLD_SAMPLES = 600
"""Samples of the world that are played unless told otherwise."""
SHOWN = 12
"""Answers that are printed; all of them are in episodes.jsonl."""
WAYS: dict[str, Way | None] = {
    "policy": None, "answer": "answer", "request": "request", "vanilla": "vanilla",
}  # fmt: skip


@dataclass(frozen=True)
class EvalSettings(OpenSettings):
    """Settings of an evaluation."""

    agent: AgentSettings = field(default_factory=AgentSettings)
    compare: tuple[str, ...] = setting(
        (), "Further agents on the same samples, by name; each is compared with the first."
    )
    samples: int = setting(
        0, f"At most this many samples; 0: all of a file, {WORLD_SAMPLES} of the world.", Numbers(0)
    )
    temperature: float = setting(
        0.0, "Sampling temperature of the --model; 0 is greedy.", Numbers(0, 2)
    )
    seed: int = setting(0, "Seed of the sampling.", SEED)
    decision: str = setting(
        "policy",
        "policy: as it decides; answer or request: forced; vanilla: the full-resolution image is "
        "the first and only view, and it is answered.",
        tuple(WAYS),
    )
    baselines: bool = setting(
        True,
        "Play each sample with the decision forced both ways too, for the oracle and the regret; "
        "--no-baselines plays a third.",
    )
    calibration: int = setting(
        300, "Samples that an agent's threshold is chosen on, where it has none.", Numbers(1)
    )
    calibration_split: str | None = setting(
        None, "Split that those are of. None: of the world validation; of a file name one."
    )
    max_abstention_share: float = setting(
        GRPOSettings.max_abstention_share,
        "Stop when the judge abstains on a larger share of answers.",
        Numbers(0, 1),
    )

    def __post_init__(self) -> None:
        check_fields(self)
        check_sources(self.data, self.world)

    @property
    def agents(self) -> list[AgentSettings]:
        """All who are evaluated, in order."""
        return [self.agent, *(AgentSettings(name) for name in self.compare)]

    @property
    def calibrated_split(self) -> str:
        """The split that thresholds are chosen on.

        Raises:
            ConfigError: If there is none, or it is the one that is reported.
        """
        split = self.calibration_split or ("validation" if self.data.name == WORLD else None)
        if split is None or split == self.tested_split:
            raise ConfigError(
                "The agent's threshold must be chosen on other samples than those reported: name "
                "a --calibration_split of the data, or give it with --agent.params.threshold."
            )
        return split


def evaluate_policy(settings: EvalSettings, out: Path | None) -> list[Played]:
    """Plays a dataset with every agent, prints what it came to, and writes it into a folder.

    With a folder, what was played is kept batch by batch; the same call goes on after a kill.

    Args:
        settings: Who plays what.
        out: The folder; None: nothing is written.

    Returns:
        What each played, in order.

    Raises:
        DatasetError: Naming every bad row, before an engine starts.
        EndpointError: If the judge asks a model that cannot be reached, before an engine starts.
        AbstentionLimitError: If the judge abstains on too many answers.
        AgentError: If an agent fails.
        ConfigError: If the folder holds something else, or another process writes there.
        StorageError: If the folder can no longer be written to.
    """
    resolved = settings.resolved()
    if not settings.has_policy:  # else it would be missed after everything is played
        importlib.import_module("scipy.stats")
    names = [agent.name for agent in settings.agents]
    env = open_env(settings.env.id, **settings.env_settings())
    with ExitStack() as open_now:
        open_now.callback(env.close)
        check_judge(env.judge)
        kept = KeptEpisodes(out, resolved, names)
        if out is not None:
            open_now.enter_context(sole_writer(out))
            open_now.enter_context(storing(out, lambda: "The same command goes on."))
        wanted = settings.samples or (
            WORLD_SAMPLES if settings.data.name == WORLD else len(env.dataset)
        )
        indices = first_indices(len(env.dataset), wanted)
        played = [_evaluate(settings, env, agent, kept, indices) for agent in settings.agents]
        _report(settings, played, out, kept)
    return played


def _evaluate(
    settings: EvalSettings,
    env: VisionThinkEnv,
    agent: AgentSettings,
    kept: KeptEpisodes,
    indices: list[int],
) -> Played:
    """Plays one agent in all the ways that make sense."""
    way = WAYS[settings.decision]
    with candidate(settings, env, agent, settings.seed, settings.temperature) as who:
        if isinstance(who, AgentCandidate) and who.agent.wants_calibration:
            _calibrate(settings, who)
        forced: list[Way] = []
        if settings.baselines and way is None and who.has_baselines:
            forced = list(BASELINES)
        own = _play(settings, who, kept, indices, way)
        baselines = {
            one: _play(settings, who, kept, indices, one, BASELINES[one]) for one in forced
        }
        return Played(who.name, own, baselines, who.told())


def _play(
    settings: EvalSettings,
    who: Candidate,
    kept: KeptEpisodes,
    indices: list[int],
    way: Way | None,
    kept_as: str = OWN,
) -> list[Trajectory]:
    """Plays every sample once in a way; what was played before is taken as it is."""
    episodes = kept.done(who, way, indices, kept_as)
    limit = AbstentionLimit(settings.max_abstention_share, who.batch)
    what = f"{who.name}, always {way}" if way else who.name
    for batch in batches(indices, who.batch, set(indices[: len(episodes)]), what=what):
        found = who.play(batch, way)
        kept.keep(who.name, found, batch.start, kept_as)
        episodes += found
        limit.check(t.abstained for t in found if t.ending in JUDGED)
    return episodes


def _calibrate(settings: EvalSettings, who: AgentCandidate) -> None:
    """Has an agent choose its threshold on samples of its own."""
    env = open_env(settings.env.id, **settings.env_of(settings.calibrated_split))
    try:
        own = replace(who, env=env)
        indices = first_indices(len(env.dataset), settings.calibration)

        def play() -> list[Trajectory]:
            what = f"{who.name}, calibration"
            shared = batches(indices, AGENT_BATCH, what=what)
            return [t for batch in shared for t in own.play(batch, None)]

        who.agent.calibrate(play)
    finally:
        env.close()


def _report(
    settings: EvalSettings, played: Sequence[Played], out: Path | None, kept: KeptEpisodes
) -> None:
    """Prints everything, and writes the summaries."""
    console.print(evaluation_table(played))
    if any(one.forced for one in played):
        console.print(ABOUT, style="dim")
    pairs = compared(played)
    if pairs:
        console.print(compared_table(pairs))
    summaries = []
    for one in played:
        summary = summary_of(one)
        if one.name == POLICY and settings.has_policy:
            summary["limits"] = limits_record({"policy": shares_of(one.own)}, settings.known())
        _print(summary, one.own, one.name if len(played) > 1 else "")
        summaries.append(summary)
    if out is not None:
        _write(summaries, pairs, out)
        for one in played:
            console.print(f"Every episode: {kept.file(one.name)}", soft_wrap=True)
    for summary in summaries:
        show_limits(summary.get("limits", {}).get("warnings", []))


def _write(summaries: list[dict[str, Any]], pairs: Sequence[Compared], out: Path) -> None:
    if not pairs:
        write_json(out / "summary.json", summaries[0])
        return
    for summary in summaries:
        write_json(out / slug(summary["agent"]) / "summary.json", summary)
    write_json(
        out / "summary.json", {"agents": summaries, "compared": [pair.record() for pair in pairs]}
    )


def _print(summary: dict[str, Any], episodes: list[Trajectory], who: str) -> None:
    """Prints what is known of one who was evaluated beside the table."""
    if len(summary["by_family"]) > 1 and not who:
        console.print(family_table(summary["by_family"]))
    told = ", ".join(f"{name} {value}" for name, value in summary.get("told", {}).items())
    if told:
        console.print(f"{summary['agent']}: {told}", markup=False, soft_wrap=True)
    reasons = Counter(t.abstained for t in episodes if t.abstained is not None)
    if reasons:
        listed = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        console.print(f"The judge abstained on {reasons.total()} answers: {listed}.")
    for t in episodes[:SHOWN] if not who and len(episodes) <= 5 * SHOWN else []:
        verdict = {True: "right", False: "wrong", None: "abstained"}[t.outcome.correct]
        how = "after asking" if t.outcome.requested else "directly"
        answer = t.answer if t.answer is not None else f"({t.ending})"
        console.print(f"{t.sample_id}: {answer!r} {how}, {verdict}", markup=False, soft_wrap=True)
