"""`ModelSpeaker`: a checkpoint answers, through the engine that also plays it in an evaluation."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Hashable, Sequence

from agents import (
    AlignmentError,
    ChatEncoder,
    Generation,
    GenerationBackend,
    GenerationRequest,
    Sampling,
)
from benchmarks.serve.requests import ChatRequest, RequestError
from benchmarks.serve.speakers import Job, Said, SaidToken, Speaker
from vt_env import ImageError, ImageLimits, Message
from vt_env.images import shown_size, tokens_of

OPENED = "<think>\n"
"""What stands before a reply where the chat template itself opens the thought."""


class ModelSpeaker(Speaker):
    """Answers with an engine.

    Args:
        backend: The engine; it is closed with the speaker.
        processor: How the model's own processor bounds and counts images.
        max_new_tokens: Longest reply unless a request has its own, in tokens.
        images: Most images of a conversation.
    """

    def __init__(
        self,
        backend: GenerationBackend,
        processor: ImageLimits,
        max_new_tokens: int,
        images: int,
    ) -> None:
        self._backend, self._processor = backend, processor
        self._max_new_tokens, self._images = max_new_tokens, images
        self._lock = threading.Lock()  # of the tokenizer, which is not made for several threads

    def prepare(self, request: ChatRequest) -> Job:
        """Encodes the conversation, and refuses one that there is no room for."""
        parts = [part for message in request.messages for part in message.content]
        images = tuple(part for part in parts if not isinstance(part, str))
        if len(images) > self._images:
            raise RequestError(
                f"The conversation holds {len(images)} images; at most {self._images} are taken.",
                code="too_many_images",
                param="messages",
            )
        try:
            tokens = sum(tokens_of(self._seen(i.size), self._processor) for i in images)
            with self._lock:
                ids = encode_chat(self._backend.encoder, request.messages)
        except (AlignmentError, ImageError) as error:
            raise RequestError(str(error), param="messages") from error
        new = request.max_tokens or self._max_new_tokens
        self._check_room(len(ids) - len(images) + tokens, new)
        prompt = GenerationRequest(tuple(ids), images)
        return Job(request, prompt, _group(request, new))

    def speak(self, jobs: Sequence[Job]) -> list[Said]:
        """Generates for all of them at once."""
        first = jobs[0].request
        sampling = Sampling(
            first.temperature,
            secrets.randbits(32) if first.seed is None else first.seed,
            max_new_tokens=first.max_tokens or self._max_new_tokens,
        )
        results = self._backend.generate([job.prompt for job in jobs], sampling)
        with self._lock:
            return [
                self._said(job.request, result) for job, result in zip(jobs, results, strict=True)
            ]

    def close(self) -> None:
        """Frees the engine."""
        self._backend.close()

    def _seen(self, size: tuple[int, int]) -> tuple[int, int]:
        return shown_size(size, 1.0, self._processor)

    def _check_room(self, prompt: int, new: int) -> None:
        room = self._backend.context_length
        if prompt + new > room:
            raise RequestError(
                f"The model's context is {room} tokens, but the prompt has {prompt} and the reply "
                f"may have {new}: shorten the conversation, or lower max_tokens.",
                code="context_length_exceeded",
                param="messages",
            )

    def _said(self, request: ChatRequest, result: Generation) -> Said:
        encoder = self._backend.encoder
        text = encoder.decode(result.token_ids)
        tokens = (
            SaidToken(str(encoder.tokenizer.decode([token])), logprob)
            for token, logprob in zip(result.token_ids, result.logprobs, strict=True)
        )
        return Said(
            OPENED + text if encoder.opens_thought else text,
            not result.finished,
            len(result.prompt_ids),
            len(result.token_ids),
            tuple(tokens) if request.logprobs else (),
        )


def _group(request: ChatRequest, new: int) -> Hashable:
    """What requests share that are generated together.

    Nothing is drawn at temperature 0. What is drawn from a seed hangs on what is drawn beside it,
    so that a request with one goes alone.
    """
    if request.temperature == 0:
        return (0.0, new)
    return (request.temperature, new) if request.seed is None else object()


def encode_chat(encoder: ChatEncoder, messages: Sequence[Message]) -> list[int]:
    """Ids of a conversation, ready for the model's turn: those that an episode has in a rollout.

    There an assistant's turn is the tokens that were sampled, and what follows is appended. So it
    is here, where turns alternate; else the chat template writes all of it.

    Args:
        encoder: The model's chat format.
        messages: The conversation; the last is the user's.

    Raises:
        AlignmentError: If the chat template cannot write it.
    """
    from jinja2 import TemplateError

    try:
        turns = _turns(encoder, messages)
        return encoder.opening(messages) if turns is None else turns
    except TemplateError as error:
        raise AlignmentError(f"The model's chat template refuses this: {error}") from error


def _turns(encoder: ChatEncoder, messages: Sequence[Message]) -> list[int] | None:
    """The ids, turn by turn; None where the turns do not alternate, or spell special tokens."""
    roles = [message.role for message in messages]
    start = roles.index("assistant") if "assistant" in roles else len(roles)
    if roles[start:] != ["assistant", "user"] * ((len(roles) - start) // 2):
        return None
    ids = encoder.opening(messages[:start])
    for turn, reply in zip(messages[start::2], messages[start + 1 :: 2], strict=True):
        if not all(isinstance(part, str) for part in turn.content):
            return None
        text = "".join(map(str, turn.content))
        said = encoder.encode(text.removeprefix(OPENED) if encoder.opens_thought else text)
        if {*encoder.banned, encoder.eos} & set(said):
            return None
        ids += [*said, encoder.eos, *encoder.continuation(reply)]
    return ids
