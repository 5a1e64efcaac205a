"""Conversations as token ids: the model's own chat template, turn by turn.

A conversation is encoded once, at its opening; every later turn is appended to the ids that were
actually sampled, so that the trainer sees exactly the tokens that the engine saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.errors import AlignmentError
from vt_env import Message
from vt_env.adapters import special_tokens, spelled

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

IMAGE_PAD = "<|image_pad|>"
_NEVER_SAMPLED = (
    IMAGE_PAD,
    "<|video_pad|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|im_start|>",
)
_MARK = "ASSISTANT-TURN-GOES-HERE"
_REMEMBERED = 512
"""Openings, and words of tools, whose ids are kept."""
_Turn = tuple[str, tuple[str | None, ...]]
"""Who speaks, and text and images in order; which image it is plays no part here."""


def load_tokenizer(model_dir: str | Path) -> PreTrainedTokenizerFast:
    """Loads the tokenizer of a Qwen-VL checkpoint directory.

    Raises:
        BackendError: If its chat template does not end; see `agents.models.templates`.
    """
    from agents.models.compat import prepare_imports
    from agents.models.templates import check_template

    prepare_imports()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_dir, trust_remote_code=False)
    if tokenizer.chat_template is not None:
        template = tokenizer.get_chat_template()
        check_template(str(template), tokenizer.special_tokens_map, str(model_dir))
    return tokenizer


class ChatEncoder:
    """Encodes the turns of a conversation with a Qwen-style chat template.

    Args:
        tokenizer: Has a chat template and the Qwen vision tokens.

    Attributes:
        image_pad: Id of the image placeholder; one an image before expansion.
        eos: Id that ends an assistant turn (``<|im_end|>``).
        pad: Id used for padding.
        banned: Ids that a policy must never sample; they would corrupt the image alignment.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.image_pad = self._id(IMAGE_PAD)
        self.eos = self._id("<|im_end|>")
        self.pad = self._id(str(tokenizer.pad_token))
        self.banned = tuple(sorted(self._id(token) for token in _NEVER_SAMPLED))
        self._special = special_tokens(tokenizer)
        # The episodes of a group open alike, and most of the tools' words are the same.
        self._opening = lru_cache(maxsize=_REMEMBERED)(self._opening_of)
        self._continuation = lru_cache(maxsize=_REMEMBERED)(self._continuation_of)

    @cached_property
    def opens_thought(self) -> bool:
        """Whether the chat template itself opens the thought of every turn.

        Models that always think (Qwen3-VL-Thinking) are asked with ``<think>`` at the prompt's
        end, and write ``</think>`` alone.
        """
        return self._render([("user", ("hi",))]).rstrip().endswith("<think>")

    def opening(self, messages: Sequence[Message]) -> list[int]:
        """Ids of the conversation so far, ready for the assistant; one pad an image."""
        return list(self._opening(tuple(map(_said, messages))))

    def continuation(self, message: Message) -> list[int]:
        """Ids that follow a finished assistant turn (its end token included) with `message`."""
        return list(self._continuation(_said(message)))

    def _opening_of(self, turns: tuple[_Turn, ...]) -> tuple[int, ...]:
        return self._checked(self._render(turns), turns)

    def _continuation_of(self, turn: _Turn) -> tuple[int, ...]:
        tail = self._render((("user", ("hi",)), ("assistant", (_MARK,)), turn)).split(_MARK, 1)[1]
        end = str(self.tokenizer.convert_ids_to_tokens(self.eos))
        if not tail.startswith(end):
            raise AlignmentError(f"The chat template does not end an assistant turn with {end}.")
        return self._checked(tail[len(end) :], (turn,))

    def decode(self, ids: Sequence[int]) -> str:
        """Text of one assistant turn, without its end token; tags are kept."""
        kept = [i for i in ids if i not in (self.eos, self.pad)]
        return str(self.tokenizer.decode(kept, skip_special_tokens=False))

    def encode(self, text: str) -> list[int]:
        """Ids of plain text, nothing added."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _render(self, turns: Sequence[_Turn]) -> str:
        shown = [
            {"role": role, "content": [self._part(part) for part in parts]} for role, parts in turns
        ]
        text = self.tokenizer.apply_chat_template(shown, tokenize=False, add_generation_prompt=True)
        return str(text)

    def _part(self, part: str | None) -> dict[str, Any]:
        if part is None:
            return {"type": "image"}
        # A question may spell a special token; it must stay text.
        return {"type": "text", "text": spelled(part, self._special)}

    def _checked(self, text: str, turns: Sequence[_Turn]) -> tuple[int, ...]:
        ids = self.encode(text)
        images = sum(part is None for _, parts in turns for part in parts)
        if ids.count(self.image_pad) != images:
            raise AlignmentError(
                f"{images} images but {ids.count(self.image_pad)} placeholders in the prompt."
            )
        return tuple(ids)

    def _id(self, token: str) -> int:
        found = self.tokenizer.convert_tokens_to_ids(token)
        if not isinstance(found, int) or found == self.tokenizer.unk_token_id:
            raise AlignmentError(f"The tokenizer has no {token} token; a Qwen-VL one is needed.")
        return found


def _said(message: Message) -> _Turn:
    parts = (part if isinstance(part, str) else None for part in message.content)
    return message.role, tuple(parts)


def expand_images(ids: Sequence[int], image_pad: int, counts: Sequence[int]) -> list[int]:
    """Replaces the k-th image pad by `counts[k]` of them, as engines and processors do.

    Raises:
        AlignmentError: If there are not as many pads as counts.
    """
    if ids.count(image_pad) != len(counts):
        raise AlignmentError(f"{ids.count(image_pad)} image pads for {len(counts)} images.")
    remaining = iter(counts)
    expanded: list[int] = []
    for token in ids:
        expanded.extend([token] * next(remaining) if token == image_pad else [token])
    return expanded
