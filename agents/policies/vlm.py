"""`VLMAgent`: a checkpoint behind an engine, as an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agents.backends import Generation, GenerationRequest, Sampling, make_backend
from agents.engine import EngineSettings
from agents.policies.base import Agent, Turn, View
from vt_env import Message

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class _Held:
    """A conversation as its tokens were, so that what was sampled is never encoded anew.

    Attributes:
        messages: How many messages `ids` holds.
        ids: Token ids, image pads not expanded.
        said: What this agent said last; empty where nothing.
    """

    messages: int
    ids: tuple[int, ...]
    said: str


class Engine:
    """An engine, and the conversations that agents hold through it.

    Args:
        settings: The model and its engine; what is None is as the checkpoint has it.
        max_images: Most images that a conversation will hold; None: as the engine has it.

    Raises:
        BackendError: If the model is no checkpoint that the engines can play.
    """

    def __init__(self, settings: EngineSettings, max_images: int | None = None) -> None:
        from agents.models import playable

        known = playable(settings.model_dir).defaults
        self.max_new_tokens = settings.max_new_tokens or known.max_new_tokens
        self.backend = make_backend(
            settings.backend,
            settings.model_dir,
            images=max_images,
            max_model_len=settings.max_model_len or known.max_model_len,
            **settings.backend_config,
        )
        self._held: dict[int, _Held] = {}

    def reset(self) -> None:
        """Forgets all conversations."""
        self._held = {}

    def conversation(self, view: View) -> GenerationRequest:
        """The conversation of a view, ready for the model's turn."""
        encoder, messages = self.backend.encoder, view["messages"]
        held = self._held.get(view["episode"])
        images = tuple(image for message in messages for image in _images(message))
        if held is not None and _goes_on(held, messages):
            ids = held.ids + tuple(encoder.continuation(messages[-1]))
        else:
            ids = tuple(encoder.opening(messages))
        return GenerationRequest(ids, images)

    def keep(self, view: View, request: GenerationRequest, sampled: Generation, said: str) -> None:
        """Keeps what was sampled in a turn of a view."""
        ids = request.prompt_ids + sampled.token_ids
        self._held[view["episode"]] = _Held(len(view["messages"]) + 1, ids, said)

    def room(self, requests: Sequence[GenerationRequest], views: Sequence[View]) -> list[bool]:
        """Whether each conversation leaves room for a turn in the model's context."""
        spare = self.backend.context_length - self.max_new_tokens
        return [
            len(request.prompt_ids) - len(request.images) + _visual_tokens(view) <= spare
            for request, view in zip(requests, views, strict=True)
        ]


def _goes_on(held: _Held, messages: Sequence[Message]) -> bool:
    """Whether a conversation is the one that is held, with one message after the agent's turn."""
    return len(messages) == held.messages + 1 and messages[-2].content == (held.said,)


def _images(message: Message) -> list[Image.Image]:
    return [part for part in message.content if not isinstance(part, str)]


def _visual_tokens(view: View) -> int:
    return int(view["visual_tokens"])


class VLMAgent(Agent):
    """A vision-language model's checkpoint; it decides and answers itself.

    Its conversations are token for token those of ``visionthink eval``.

    Args:
        model_dir: Hugging Face checkpoint directory; None: `engine`'s, or the embedded model.
        backend: Name of the generation engine; None: `engine`'s.
        temperature: Of the sampling; 0 is greedy.
        max_images: Most images that a conversation will hold; None: as the engine has it.
        engine: Settings of model and engine; a mapping with some of their fields will do.

    Raises:
        BackendError: If the model is no checkpoint that the engines can play.
    """

    def __init__(
        self,
        model_dir: str | None = None,
        backend: str | None = None,
        temperature: float = 0.0,
        max_images: int | None = None,
        engine: EngineSettings | Mapping[str, Any] | None = None,
    ) -> None:
        self._engine = Engine(engine_settings(engine, model_dir, backend), max_images)
        self.opens_thought = self._engine.backend.encoder.opens_thought
        self._temperature = temperature
        self._seed = 0

    def reset(self, seeds: Sequence[int]) -> None:
        """Begins anew; all draws hang on the first seed."""
        self._engine.reset()
        self._seed = seeds[0] if seeds else 0

    def act(self, views: Sequence[View]) -> list[str]:
        """Has the model write a turn of each conversation, all in one batch."""
        engine, encoder = self._engine, self._engine.backend.encoder
        requests = [engine.conversation(view) for view in views]
        fits = engine.room(requests, views)
        asked = [request for request, fit in zip(requests, fits, strict=True) if fit]
        seed = self._seed * 1009 + max(int(view["turn"]) for view in views)
        sampling = Sampling(self._temperature, seed, max_new_tokens=engine.max_new_tokens)
        found = iter(engine.backend.generate(asked, sampling) if asked else ())
        turns: list[str] = []
        for view, request, fit in zip(views, requests, fits, strict=True):
            if not fit:
                turns.append(Turn("", no_room=True))
                continue
            sampled = next(found)
            said = encoder.decode(sampled.token_ids)
            engine.keep(view, request, sampled, said)
            turns.append(turn_of(said, sampled))
        return turns

    def close(self) -> None:
        """Frees the engine."""
        self._engine.backend.close()


def turn_of(said: str, sampled: Generation) -> Turn:
    """What was sampled, as a turn."""
    return Turn(
        said,
        cut_off=not sampled.finished,
        prompt_tokens=len(sampled.prompt_ids),
        completion_tokens=len(sampled.token_ids),
    )


def engine_settings(
    engine: EngineSettings | Mapping[str, Any] | None,
    model_dir: str | None = None,
    backend: str | None = None,
) -> EngineSettings:
    """Settings of model and engine, some of them given apart."""
    found = engine if isinstance(engine, EngineSettings) else EngineSettings(**(engine or {}))
    return replace(
        found,
        model_dir=found.model_dir if model_dir is None else model_dir,
        backend=found.backend if backend is None else backend,
    )
