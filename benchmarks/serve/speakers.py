"""Who answers requests: what a request comes to, and what is said to several of them at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.serve.requests import ChatRequest, RequestError


@dataclass(frozen=True)
class Job:
    """A request that can be answered.

    Attributes:
        request: The request.
        prompt: What its speaker made of the conversation.
        group: Jobs with equal groups are answered together.
    """

    request: ChatRequest
    prompt: Any
    group: Hashable


@dataclass(frozen=True)
class SaidToken:
    """A token of a reply.

    Attributes:
        text: What it spells.
        logprob: Its log-probability, in nats, under the distribution that it was drawn from.
    """

    text: str
    logprob: float


@dataclass(frozen=True)
class Said:
    """A reply.

    Attributes:
        text: What is said.
        cut_off: Whether it hit its limit before it was over.
        prompt_tokens: Tokens that were read, those of images among them; 0 where nobody counted.
        completion_tokens: Tokens that were written, the one that ends the turn among them.
        tokens: The tokens one by one, where they were asked for.
    """

    text: str
    cut_off: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens: tuple[SaidToken, ...] = ()


class Speaker(ABC):
    """Answers requests."""

    @abstractmethod
    def prepare(self, request: ChatRequest) -> Job:
        """Makes a job of a request; in any thread.

        Raises:
            RequestError: If it cannot be answered.
        """

    @abstractmethod
    def speak(self, jobs: Sequence[Job]) -> Sequence[Said | RequestError]:
        """Answers jobs of one group, or refuses some, in their order; always in one thread."""

    @abstractmethod
    def close(self) -> None:
        """Frees what it holds; it is not used afterwards."""
