"""verl 0.9: `VisionThinkAgentLoop`, in which the environment ends the episode and owns the reward.

The token stream is verl's own ("Continuous Token"): what the server sampled is kept as it is, and
what the policy is told is appended to it. Rows are written by `verl_rows`; for verl's own tool loop
there is `verl_tool`. https://github.com/volcengine/verl
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

from PIL import Image
from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopOutput, register
from verl.utils.profiler import simple_timer

from vt_env.adapters.chat import special_tokens, spelled
from vt_env.adapters.conversation import Conversation
from vt_env.adapters.shared import chosen_sample, plain, shared_env
from vt_env.adapters.verl_rows import AGENT_NAME
from vt_env.config import Ending
from vt_env.episode import Message
from vt_env.errors import ConfigError
from vt_env.images import tokens_of

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
END = "<|im_end|>"
PAD = "<|image_pad|>"
NEVER_SAMPLED = (PAD, "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
                 "<|im_start|>")  # fmt: skip
"""Tokens that would corrupt the alignment of images; verl cannot forbid a server to draw them."""


@dataclass
class _Stream:
    """The tokens so far: prompt, then response, of which `mask` says whose each token is."""

    ids: list[int]
    images: list[Image.Image]
    mask: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    no_room: bool = False
    bad_tokens: int = 0

    @property
    def has_logprobs(self) -> bool:
        """Whether each token so far has one: not if the server gives none, or failed a turn."""
        return len(self.logprobs) == len(self.mask)


@register(AGENT_NAME)
class VisionThinkAgentLoop(AgentLoopBase):
    """Plays one episode of `VisionThinkEnv` with verl's rollout server.

    It is named in a file that ``rollout.agent.agent_loop_config_path`` points to::

        - name: visionthink
          _target_: vt_env.adapters.verl.VisionThinkAgentLoop
          env: {data: train.jsonl, checkpoint: /models/Qwen2.5-VL-7B-Instruct}
          max_new_tokens: 1024

    Args:
        *args: As verl gives them.
        env: Settings of `VisionThinkEnv`, plain values; ``checkpoint`` must be the policy's, so
            that images have as many tokens here as in its processor.
        max_new_tokens: Longest turn, in tokens; None: as far as ``rollout.response_length`` goes.
        **kwargs: As verl gives them.

    Raises:
        ConfigError: If a setting cannot work, or the policy has no processor of images.
    """

    def __init__(
        self,
        *args: Any,
        env: Mapping[str, Any] | None = None,
        max_new_tokens: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if getattr(self.processor, "image_processor", None) is None:
            raise ConfigError(
                "The agent loop visionthink needs a policy with a processor of images."
            )
        self._env = shared_env(plain(env))
        self._turn_limit = max_new_tokens
        self._room = int(self.rollout_config.response_length)
        self._end, self._pad = self._id(END), self._id(PAD)
        self._banned = frozenset(map(self._id, NEVER_SAMPLED))
        self._special = special_tokens(self.tokenizer)

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        """Plays the sample that the row's ``extra_info`` names.

        Args:
            sampling_params: As verl gives them; the limit on tokens is set here, turn by turn.
            **kwargs: Columns of the row.

        Returns:
            Tokens, mask, log-probs, the images in the order of their placeholders, the return as
            ``reward_score``, and in ``extra_fields.reward_extra_info`` its terms by name.

        Raises:
            ConfigError: If the row means no sample, or image tokens and images do not match.
        """
        index = chosen_sample(self._env, kwargs)
        talk = await self._aside(lambda: Conversation(self._env, index))
        said = [self._message(message) for message in talk.opening]
        images = images_of(talk.opening)
        stream = _Stream(await self.ct_build_initial_tokens(said, images=images), images)
        request = uuid4().hex
        while not talk.done:
            message = await self._turn(talk, stream, said, request, sampling_params)
            if message is not None:
                await self._tell(talk, stream, said, message)
        self._check(stream)
        return self._output(talk, stream)

    async def _turn(
        self,
        talk: Conversation,
        stream: _Stream,
        said: list[dict[str, Any]],
        request: str,
        sampling: Mapping[str, Any],
    ) -> Message | None:
        """Has the server write a turn; returns what the environment says to it."""
        room = self._room - len(stream.mask)
        limit = min(room, self._turn_limit or room)
        with simple_timer("generate_sequences", stream.metrics):
            drawn = await self.server_manager.generate(
                request_id=request,
                prompt_ids=stream.ids,
                sampling_params={**sampling, "max_tokens": limit},
                image_data=stream.images,
            )
        _note(stream, drawn)
        kept = self._sound(list(drawn.token_ids)[:limit])
        stream.bad_tokens += len(kept) < min(limit, len(drawn.token_ids))
        logprobs = list(drawn.log_probs or ())[: len(kept)]
        known = stream.has_logprobs and len(logprobs) == len(kept)
        merged, stream.mask, values = await self.ct_merge_assistant_token(
            stream.ids,
            kept,
            stream.mask,
            stream.logprobs if known else None,
            assistant_logprobs=logprobs if known else None,
        )
        stream.ids, stream.logprobs = merged.token_ids, values or []
        text = str(self.tokenizer.decode([i for i in kept if i != self._end]))
        said.append({"role": "assistant", "content": text})
        cut_off = kept[-1:] != [self._end]
        with simple_timer("tool_calls", stream.metrics):
            return await self._aside(lambda: talk.reply(text, cut_off=cut_off))

    async def _tell(
        self,
        talk: Conversation,
        stream: _Stream,
        said: list[dict[str, Any]],
        message: Message,
    ) -> None:
        """Appends what the policy is told, whole; where there is no room for it, that is the end.

        verl cuts responses at ``response_length``. An image that is cut there has fewer tokens than
        patches, so it is not begun.
        """
        told = [*said, self._message(message)]
        merged, mask, logprobs = await self.ct_merge_context_msg(
            said,
            told,
            stream.ids,
            stream.mask,
            stream.logprobs if stream.has_logprobs else None,
        )
        if len(mask) >= self._room:
            stream.no_room = bool(images_of([message]))
            talk.episode.stop(Ending.CONTEXT_LIMIT)
            _log.warning(
                "%s: rollout.response_length=%d would cut %s: with the turn before it that takes "
                "%d tokens, and an answer more. The episode ends as context_limit "
                "(reward_extra_info.response_length_cut_image); raise response_length.",
                talk.episode.sample.sample_id,
                self._room,
                "the image that the policy asked for" if stream.no_room else "what it is told",
                len(mask),
            )
            return
        said[:] = told
        stream.ids, stream.mask, stream.logprobs = merged.token_ids, mask, logprobs or []
        stream.images += images_of([message])

    def _sound(self, ids: list[int]) -> list[int]:
        """Sampled ids up to the first that stands for an image or a role."""
        bad = (place for place, token in enumerate(ids) if token in self._banned)
        return ids[: next(bad, len(ids))]

    def _check(self, stream: _Stream) -> None:
        limits = self._env.factory.config.limits
        check_placeholders(
            stream.ids, self._pad, [tokens_of(image.size, limits) for image in stream.images]
        )

    def _output(self, talk: Conversation, stream: _Stream) -> AgentLoopOutput:
        prompt = len(stream.ids) - len(stream.mask)
        terms = [float(sum(turn.reward_terms.values())) for turn in talk.episode.turn_records]
        told = reward_extra_info(talk, stream.no_room, stream.bad_tokens)
        return AgentLoopOutput(
            prompt_ids=stream.ids[:prompt],
            response_ids=stream.ids[prompt:],
            response_mask=stream.mask,
            response_logprobs=stream.logprobs if stream.has_logprobs else None,
            multi_modal_data={"images": stream.images},
            reward_score=talk.reward,
            num_turns=sum(message.role != "system" for message in talk.episode.messages),
            metrics=stream.metrics,
            extra_fields={
                **stream.extra,
                "reward_extra_info": told,
                "turn_scores": terms,
                "tool_rewards": [],
            },
        )

    def _message(self, message: Message) -> dict[str, Any]:
        """A message as the processor's chat template takes it."""
        parts = [
            {"type": "text", "text": spelled(part, self._special)}
            if isinstance(part, str)
            else {"type": "image", "image": part}
            for part in message.content
        ]
        return {"role": message.role, "content": parts}

    def _id(self, token: str) -> int:
        found = self.tokenizer.convert_tokens_to_ids(token)
        if not isinstance(found, int) or found == self.tokenizer.unk_token_id:
            raise ConfigError(f"The policy's tokenizer has no {token}; a Qwen-VL one is needed.")
        return found

    async def _aside(self, work: Callable[[], _T]) -> _T:
        """Reads images and judges answers beside the loop that all trajectories share."""
        found: _T = await self.loop.run_in_executor(None, work)
        return found


def reward_extra_info(talk: Conversation, no_room: bool, bad_tokens: int) -> dict[str, float]:
    """What verl logs of an episode that is over; every episode has the same names.

    Args:
        talk: The episode.
        no_room: Whether an image that was asked for did not fit ``rollout.response_length``.
        bad_tokens: Turns that were cut at a token that stands for an image or a role.

    Returns:
        ``reward_`` and each term; `Conversation.metrics`, of an abstention with ``correct`` 0 and
        ``abstained`` 1; ``response_length_cut_image`` and ``sampled_placeholder`` (0 or more).
    """
    names = ("accuracy", "format", "token_cost", *talk.episode.rewards.own_terms)
    return {
        **{f"reward_{name}": float(talk.reward_terms.get(name, 0.0)) for name in names},
        "correct": 0.0,
        **talk.metrics,
        "response_length_cut_image": float(no_room),
        "sampled_placeholder": float(bad_tokens),
    }


def check_placeholders(ids: Sequence[int], pad: int, counts: Sequence[int]) -> None:
    """Checks that a token stream has every image whole, in order.

    Args:
        ids: The stream.
        pad: Id of the image placeholder.
        counts: How many tokens each image has.

    Raises:
        ConfigError: Naming the first image that has other tokens, or none.
    """
    runs, before = [], None
    for token in ids:
        if token == pad and before != pad:
            runs.append(0)
        if token == pad:
            runs[-1] += 1
        before = token
    if runs != list(counts):
        raise ConfigError(
            f"Image tokens in the stream: {runs}; of its images: {list(counts)}. Is env.checkpoint "
            "the policy's own, and does nothing else (data.mm_processor_kwargs) resize images?"
        )


def images_of(messages: Sequence[Message]) -> list[Image.Image]:
    """The images that messages show, in order."""
    return [part for m in messages for part in m.content if isinstance(part, Image.Image)]


def _note(stream: _Stream, drawn: Any) -> None:
    """Keeps what the server says beside the tokens, as verl's own loops do."""
    preempted = drawn.num_preempted if drawn.num_preempted is not None else -1
    before = stream.metrics.get("num_preempted")
    stream.metrics["num_preempted"] = preempted if before is None else before + max(preempted, 0)
    newest = drawn.extra_fields.get("max_global_steps")
    stream.extra = {**drawn.extra_fields, **stream.extra}
    if newest is not None:
        stream.extra["max_global_steps"] = newest
