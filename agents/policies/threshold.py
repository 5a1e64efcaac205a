"""`ThresholdAgent`: a router that asks where the model is not sure of its low-resolution answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from agents.backends import Generation, GenerationRequest, Sampling
from agents.engine import EngineSettings
from agents.policies.base import Agent, AgentError, Turn, View
from agents.policies.vlm import Engine, engine_settings, turn_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from agents.rollouts.trajectory import Trajectory

NOTHING = -1e3
"""Confidence in an answer of no tokens, in nats."""


class ThresholdAgent(Agent):
    """Has a checkpoint answer at once, and asks where its confidence is below a threshold.

    The model's own decision is never asked for: its turn is begun for it with the words of a direct
    answer. Its confidence is the mean log-prob of the answer's tokens, in nats, as routers between
    models have it (InternVL's among them). Without a threshold the one is chosen that pays most on
    validation samples, by this environment's rewards.

    Args:
        threshold: It asks where its confidence is less, in nats; None: chosen by `calibrate`.
        model_dir: Hugging Face checkpoint directory; None: `engine`'s, or the embedded model.
        backend: Name of the generation engine; None: `engine`'s.
        max_images: Most images that a conversation will hold; None: as the engine has it.
        engine: Settings of model and engine; a mapping with some of their fields will do.

    Raises:
        BackendError: If the model is no checkpoint that the engines can play.
        AgentError: If the threshold is not a number.
    """

    has_baselines: ClassVar[bool] = False

    def __init__(
        self,
        threshold: float | None = None,
        model_dir: str | None = None,
        backend: str | None = None,
        max_images: int | None = None,
        engine: EngineSettings | Mapping[str, Any] | None = None,
    ) -> None:
        self.threshold = _nats(threshold)
        self._engine = Engine(engine_settings(engine, model_dir, backend), max_images)
        self.opens_thought = self._engine.backend.encoder.opens_thought
        self._seen: list[float] = []

    @property
    def wants_calibration(self) -> bool:
        """Whether there is no threshold yet."""
        return self.threshold is None

    def calibrate(self, play: Callable[[], list[Trajectory]]) -> None:
        """Chooses the threshold with the highest mean return on the samples that are played.

        Raises:
            AgentError: If none of them could be judged both ways.
        """
        self._seen, self.threshold = [], -math.inf
        low = play()
        confidence, self.threshold = list(self._seen), math.inf
        high = play()
        both = [
            (sure, direct.reward, asked.reward)
            for sure, direct, asked in zip(confidence, low, high, strict=True)
            if None not in (direct.outcome.correct, asked.outcome.correct)
        ]
        if not both:
            self.threshold = None
            raise AgentError("No validation sample could be judged, so no threshold was chosen.")
        self.threshold = best_threshold(np.asarray(both, dtype=np.float64))

    def reset(self, seeds: Sequence[int]) -> None:  # noqa: ARG002 - nothing is drawn
        """Forgets all conversations."""
        self._engine.reset()

    def act(self, views: Sequence[View]) -> list[str]:
        """Has the model answer every view, and asks in the place of answers it is not sure of."""
        engine, encoder = self._engine, self._engine.backend.encoder
        whole = [engine.conversation(view) for view in views]
        fits = engine.room(whole, views)
        begun = [
            GenerationRequest(
                request.prompt_ids + tuple(encoder.encode(view["template"].forced_answer)),
                request.images,
            )
            for request, view, fit in zip(whole, views, fits, strict=True)
            if fit
        ]
        sampling = Sampling(0.0, max_new_tokens=engine.max_new_tokens)
        found = iter(engine.backend.generate(begun, sampling) if begun else ())
        return [
            self._turn(view, next(found)) if fit else Turn("", no_room=True)
            for view, fit in zip(views, fits, strict=True)
        ]

    def _turn(self, view: View, sampled: Generation) -> str:
        sure = confidence_in(sampled, self._engine.backend.encoder.decode)
        if view["turn"] == 0:
            self._seen.append(sure)
        if view["request"] and sure < (-math.inf if self.threshold is None else self.threshold):
            return str(view["request"])
        said = self._engine.backend.encoder.decode(sampled.token_ids)
        return turn_of(view["template"].forced_answer + said, sampled)

    def close(self) -> None:
        """Frees the engine."""
        self._engine.backend.close()

    def told(self) -> dict[str, float]:
        """``threshold``, in nats."""
        return {} if self.threshold is None else {"threshold": self.threshold}


def _nats(threshold: Any) -> float | None:
    """A threshold as it was given.

    Raises:
        AgentError: If it is not a number.
    """
    number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if threshold is not None and (not number or math.isnan(threshold)):
        raise AgentError(f"threshold must be a number of nats, got {threshold!r}.")
    return None if threshold is None else float(threshold)


def confidence_in(sampled: Generation, decode: Callable[[Sequence[int]], str]) -> float:
    """Mean log-prob of an answer's tokens, up to the tag that closes it, in nats.

    Args:
        sampled: A turn that was begun for the model, so that it begins with the answer.
        decode: Ids as text.
    """
    answer = sampled.logprobs[: answer_length(sampled.token_ids, decode)]
    return float(np.mean(answer)) if answer else NOTHING


def answer_length(ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> int:
    """Tokens of an answer, up to the tag that closes it; all that was written if there is none.

    Args:
        ids: What was written; it begins with the answer.
        decode: Ids as text.
    """
    count = next((n for n in range(len(ids)) if "</" in decode(ids[: n + 1])), len(ids))
    return count or len(ids)


def best_threshold(samples: npt.NDArray[np.float64]) -> float:
    """The threshold with the highest mean return; of several the one that asks least.

    Args:
        samples: Confidence, return of the direct answer, return after asking: (samples, 3).

    Returns:
        In nats: minus infinity never asks, infinity always does; else it lies halfway between two
        confidences that were seen.
    """
    sure, low, high = samples[np.argsort(samples[:, 0], kind="stable")].T  # (samples,) each
    # Returns if the n least sure samples are asked about, n = 0 … samples.
    asked = np.concatenate([[0.0], np.cumsum(high)])
    direct = low.sum() - np.concatenate([[0.0], np.cumsum(low)])
    between = np.concatenate([[True], np.diff(sure) > 0, [True]])  # equal ones go together
    returns = np.where(between, asked + direct, -np.inf)
    count = int(np.argmax(returns))
    if count == 0:
        return -math.inf
    return math.inf if count == len(sure) else float((sure[count - 1] + sure[count]) / 2)
