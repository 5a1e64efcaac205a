"""Plays episodes with an agent, many at once, turn by turn; and from a record, without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from agents.policies.base import Agent, AgentError, Turn, View, view_of
from agents.rollouts.collect import Decision, queue_on, trajectory_of
from agents.rollouts.trajectory import Trajectory
from judges import JudgeLike, JudgeQueue, Verdict
from vt_env import Ending, Episode, VisionThinkError

SHOWN = 3
"""Samples that an error names."""


def play_agent(
    agent: Agent,
    episodes: Sequence[Episode],
    judge: JudgeLike | JudgeQueue,
    seeds: Sequence[int],
    decision: Decision | None = None,
    name: str = "agent",
) -> list[Trajectory]:
    """Plays all episodes to their end.

    A forced decision is played as text of the protocol: the request is said in the agent's place.
    To have it answer at once, play episodes without tools, which its prompt then does not offer.

    Args:
        agent: Whoever plays.
        episodes: Fresh episodes.
        judge: Scores the answers of finished episodes while the others still go on.
        seeds: One an episode.
        decision: ``"request"``: the first turn of every episode asks. What is told of an episode
            that was made to answer is `decision` as well.
        name: What the agent is called, for errors.

    Returns:
        One trajectory an episode, in order; they hold no tokens.

    Raises:
        AgentError: If the agent fails, or gives something else than a text a view.
    """
    agent.reset(list(seeds))
    if agent.opens_thought:
        for episode in episodes:
            episode.template = episode.template.opened()
    verdicts: dict[int, Future[Verdict]] = {}
    if decision == "request":
        for episode in episodes:
            episode.step(episode.forced_request or episode.template.forced_request)
    with queue_on(judge) as queue:
        while live := [n for n, episode in enumerate(episodes) if not episode.done]:
            views = [view_of(episodes[n], n, agent.sees_sample) for n in live]
            samples = [episodes[n].sample.sample_id for n in live]
            turns = _turns(agent, name, views, samples)
            for number, turn in zip(live, turns, strict=True):
                case = _take(episodes[number], turn)
                if case is not None:
                    verdicts[number] = queue.submit(case)
        settled = queue.gather(list(verdicts.values()))
    for number, verdict in zip(verdicts, settled, strict=True):
        episodes[number].settle(verdict)
    return [trajectory_of(episode, forced=decision) for episode in episodes]


def _turns(agent: Agent, name: str, views: Sequence[View], samples: Sequence[str]) -> Sequence[str]:
    """The agent's turns, of the kind and number that they must be."""
    shown = ", ".join(samples[:SHOWN]) + (" …" if len(samples) > SHOWN else "")
    try:
        turns = agent.act(views)
    except VisionThinkError:
        raise
    except Exception as error:
        raise AgentError(
            f"The agent {name!r} failed on {shown}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(turns, Sequence) or isinstance(turns, str) or len(turns) != len(views):
        told = f"{len(turns)} of them" if isinstance(turns, list | tuple) else repr(turns)[:80]
        raise AgentError(f"The agent {name!r} must give a text for each of {len(views)} views, "
                         f"in a list; got {told}.")  # fmt: skip
    for turn, sample in zip(turns, samples, strict=True):
        if not isinstance(turn, str):
            raise AgentError(
                f"The agent {name!r} must give a text a view; on {sample} it gave {turn!r:.80}."
            )
    return turns


def _take(episode: Episode, turn: str) -> Any:
    """Takes a turn; returns the case to be judged, or None."""
    known = turn if isinstance(turn, Turn) else Turn(turn)
    if known.no_room:
        episode.stop(Ending.CONTEXT_LIMIT)
        return None
    return episode.step(str(known), cut_off=known.cut_off).case


def replay(episode: Episode, record: Mapping[str, Any]) -> Trajectory:
    """An episode as it was played before, from its record; nobody acts and nobody judges.

    Args:
        episode: A fresh one, on the same sample and by the same rules.
        record: What a line of ``episodes.jsonl`` holds.

    Returns:
        The trajectory; it holds no tokens.

    Raises:
        AgentError: If under these rules the record does not come to what it says.
    """
    who = f"The record of sample {record.get('sample_id')!r}"
    try:
        turns, ending = [turn["action"] for turn in record["turns"]], record["ending"]
        if record["sample_id"] != episode.sample.sample_id:
            raise AgentError(f"{who} is not of {episode.sample.sample_id!r}.")
        for number, turn in enumerate(turns, start=1):
            cut_off = number == len(turns) and ending == Ending.CUT_OFF
            if episode.step(turn, cut_off=cut_off).case is not None:
                episode.settle(Verdict(record["score"], record["abstained"]))
        if not episode.done:
            episode.stop(Ending(ending))
        paid, reward = sum(episode.reward_terms.values()), float(record["reward"])
    except (KeyError, TypeError, ValueError, RuntimeError, VisionThinkError) as error:
        raise AgentError(f"{who} cannot be played again: {error}") from error
    if str(episode.ending) != ending or abs(paid - reward) > 1e-4:
        raise AgentError(
            f"{who} came to {ending} and {reward:g}, and under these rules comes to "
            f"{episode.ending} and {paid:g}."
        )
    return replace(trajectory_of(episode), index=record.get("index"))
