"""Plays episodes with an engine, many at once, turn by turn, and keeps exactly what was sampled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from PIL import Image

from agents.backends.base import Generation, GenerationBackend, GenerationRequest, Sampling
from agents.errors import AlignmentError, TrainingError
from agents.models.chat import ChatEncoder, expand_images
from agents.rollouts.stopwatch import Stopwatch
from agents.rollouts.trajectory import Trajectory
from judges import JudgeCase, JudgeLike, JudgeQueue, Verdict
from vt_env import Ending, Episode
from vt_env.config import EpisodeRules
from vt_env.images import tokens_of

_log = logging.getLogger(__name__)
Decision = Literal["answer", "request"]
Force = Callable[[Episode], Decision | None]
"""Takes the decision of the first turn out of the policy's hands; None leaves it there."""
JUDGED = (Ending.ANSWERED, Ending.ABSTAINED)
"""Endings of the episodes whose answers went to the judge."""


@dataclass
class _Rollout:
    """An episode under way, and its tokens so far (image pads not expanded)."""

    episode: Episode
    ids: list[int]
    mask: list[int]
    logprobs: list[float]
    images: list[Image.Image] = field(default_factory=list)
    image_tokens: list[int] = field(default_factory=list)
    prefix: str = ""
    forced: Decision | None = None
    turns: list[int] = field(default_factory=list)
    verdict: Future[Verdict] | None = None

    def given(self, ids: Sequence[int]) -> None:
        self.ids += ids
        self.mask += [0] * len(ids)
        self.logprobs += [0.0] * len(ids)

    def show(self) -> None:
        image = self.episode.observation.image
        self.images.append(image)
        self.image_tokens.append(tokens_of(image.size, self.episode.config.limits))

    def prompt_length(self) -> int:
        return len(self.ids) - len(self.images) + sum(self.image_tokens)


def collect(
    backend: GenerationBackend,
    episodes: Sequence[Episode],
    judge: JudgeLike | JudgeQueue,
    sampling: Sampling,
    force: Force | None = None,
    stopwatch: Stopwatch | None = None,
) -> list[Trajectory]:
    """Plays all episodes to their end.

    Args:
        backend: The engine that writes the policy's turns.
        episodes: Fresh episodes.
        judge: Scores the answers of finished episodes while the others still generate.
        sampling: How tokens are drawn; each turn draws from a seed of its own.
        force: Takes the first turn's decision where it returns one (for baselines).
        stopwatch: Is told how long the engine wrote (``generate``) and how long nothing but
            verdicts was waited for (``judge_wait``).

    Returns:
        One trajectory an episode, in order.

    Raises:
        AlignmentError: If the engine saw other tokens than those kept for the trainer.
    """
    encoder = backend.encoder
    rollouts = [_open(episode, encoder) for episode in episodes]
    for rollout in rollouts:
        _apply_force(rollout, encoder, force(rollout.episode) if force else None)
    turn, timed = 0, stopwatch or Stopwatch()
    with queue_on(judge) as queue:
        while live := _with_room(rollouts, backend.context_length, sampling.max_new_tokens):
            requests = [GenerationRequest(tuple(r.ids), tuple(r.images)) for r in live]
            seed = sampling.seed * 1009 + turn
            with timed("generate"):
                results = backend.generate(requests, replace(sampling, seed=seed))
            for rollout, result in zip(live, results, strict=True):
                case = _take_turn(rollout, encoder, result)
                if case is not None:
                    rollout.verdict = queue.submit(case)
            turn += 1
        with timed("judge_wait"):
            _settle(rollouts, queue)
    return [_finish(rollout, encoder) for rollout in rollouts]


def retrace(encoder: ChatEncoder, episode: Episode, turns: Sequence[str]) -> Trajectory:
    """An episode that takes given turns, every token of them counted as the policy's own.

    Args:
        encoder: The model's chat format.
        episode: A fresh episode.
        turns: What was written in each turn, as `judges.EpisodeRecord` has it.

    Returns:
        The trajectory, of which nobody judged the answer; its log-probs are 0.

    Raises:
        TrainingError: If under this episode's rules the turns do not end with an answer.
    """
    rollout = _open(episode, encoder)
    for turn in turns:
        if episode.done:
            break
        ids = [*encoder.encode(turn), encoder.eos]
        rollout.ids += ids
        rollout.mask += [1] * len(ids)
        rollout.logprobs += [0.0] * len(ids)
        rollout.turns.append(len(ids))
        if not episode.step(turn, tokens=ids).done:
            _reply(rollout, encoder)
    if episode.ending is not Ending.ANSWERED or episode.turn != len(turns):
        raise TrainingError(
            f"{episode.sample.sample_id}: under these rules its {len(turns)} turns do not end with "
            f"an answer ({episode.ending or 'not over'} after {episode.turn}; problems: "
            f"{', '.join(episode.problems) or 'none'}). Are env and prompt those of the records?"
        )
    return _finish(rollout, encoder)


def most_images(rules: EpisodeRules) -> int:
    """Most images that a conversation can hold under these rules.

    Every turn but the last can bring one; if nothing but the ladder is offered, each of its rungs
    is shown once.
    """
    ladder = rules.tools == ("resize",)
    return min(rules.max_turns, len(rules.resolutions)) if ladder else rules.max_turns


def _open(episode: Episode, encoder: ChatEncoder) -> _Rollout:
    if encoder.opens_thought:
        episode.template = episode.template.opened()
    rollout = _Rollout(episode, [], [], [])
    rollout.given(encoder.opening(episode.messages))
    rollout.show()
    return rollout


def _apply_force(rollout: _Rollout, encoder: ChatEncoder, decision: Decision | None) -> None:
    template = rollout.episode.template
    rollout.forced = decision
    if decision == "request":
        turn = rollout.episode.forced_request
        if turn is None:
            turn = template.forced_request
            _log.warning(
                "%s: none of the tools (%s) has a call that can be forced, so the request is "
                "refused; give a tool `forced`.",
                rollout.episode.sample.sample_id,
                ", ".join(rollout.episode.config.tools) or "none",
            )
        rollout.given([*encoder.encode(turn), encoder.eos])
        rollout.turns.append(0)
        if not rollout.episode.step(turn).done:
            _reply(rollout, encoder)
    elif decision == "answer":
        rollout.prefix = template.forced_answer
        rollout.given(encoder.encode(template.forced_answer))


def _with_room(rollouts: Sequence[_Rollout], context: int, new_tokens: int) -> list[_Rollout]:
    live = []
    for rollout in rollouts:
        if rollout.episode.done:
            continue
        if rollout.prompt_length() + new_tokens > context:
            rollout.episode.stop(Ending.CONTEXT_LIMIT)
        else:
            live.append(rollout)
    return live


def _take_turn(rollout: _Rollout, encoder: ChatEncoder, result: Generation) -> JudgeCase | None:
    expected = tuple(expand_images(rollout.ids, encoder.image_pad, rollout.image_tokens))
    if result.prompt_ids != expected:
        raise AlignmentError(
            f"{rollout.episode.sample.sample_id}: the engine read {len(result.prompt_ids)} tokens "
            f"where {len(expected)} were expected (images of {rollout.image_tokens} tokens). "
            "Do the token family and the pixel limits match the checkpoint's processor?"
        )
    rollout.ids += result.token_ids
    rollout.mask += [1] * len(result.token_ids)
    rollout.logprobs += result.logprobs
    rollout.turns.append(len(result.token_ids))
    text = rollout.prefix + encoder.decode(result.token_ids)
    rollout.prefix = ""
    transition = rollout.episode.step(text, cut_off=not result.finished, tokens=result.token_ids)
    if not transition.done:
        _reply(rollout, encoder)
    return transition.case


def _reply(rollout: _Rollout, encoder: ChatEncoder) -> None:
    """Appends what the environment said after a turn, and the image if it sent one."""
    message = rollout.episode.messages[-1]
    rollout.given(encoder.continuation(message))
    if any(not isinstance(part, str) for part in message.content):
        rollout.show()


@contextmanager
def queue_on(judge: JudgeLike | JudgeQueue) -> Iterator[JudgeQueue]:
    """The caller's queue, or one for this call alone."""
    if isinstance(judge, JudgeQueue):
        yield judge
    else:
        with JudgeQueue(judge, threads=1) as queue:
            yield queue


def _settle(rollouts: Sequence[_Rollout], queue: JudgeQueue) -> None:
    waiting = [(r.episode, r.verdict) for r in rollouts if r.verdict is not None]
    verdicts = queue.gather([future for _, future in waiting])
    for (episode, _), verdict in zip(waiting, verdicts, strict=True):
        episode.settle(verdict)


def _finish(rollout: _Rollout, encoder: ChatEncoder) -> Trajectory:
    episode, pad = rollout.episode, encoder.image_pad
    counts = iter(rollout.image_tokens)
    ids: list[int] = []
    mask: list[int] = []
    logprobs: list[float] = []
    for token, sampled, logprob in zip(rollout.ids, rollout.mask, rollout.logprobs, strict=True):
        repeat = next(counts) if token == pad and not sampled else 1
        ids += [token] * repeat
        mask += [sampled] * repeat
        logprobs += [logprob] * repeat
    return trajectory_of(
        episode,
        ids=tuple(ids),
        mask=tuple(mask),
        logprobs=tuple(logprobs),
        images=tuple(rollout.images),
        image_tokens=tuple(rollout.image_tokens),
        forced=rollout.forced,
        turns=tuple(rollout.turns),
    )


def trajectory_of(episode: Episode, **sampled: Any) -> Trajectory:
    """An episode that is over.

    Args:
        episode: The episode.
        **sampled: Fields of `Trajectory` on tokens and images; without any, nobody sampled it.
    """
    assert episode.ending is not None
    nothing: dict[str, Any] = dict.fromkeys(
        ("ids", "mask", "logprobs", "images", "image_tokens"), ()
    )
    return Trajectory(
        **{**nothing, **sampled},
        reward_terms=dict(episode.reward_terms),
        outcome=episode.outcome,
        ending=episode.ending,
        sample_id=episode.sample.sample_id,
        family=episode.sample.family,
        answer=episode.answer,
        visual_tokens=episode.visual_tokens,
        full_tokens=episode.full_tokens,
        record=episode.record(0),
        abstained=episode.verdict.abstained if episode.verdict else None,
        problems=tuple(episode.problems),
        refused=episode.refused,
    )
