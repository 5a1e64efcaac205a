"""The tiny model's tokenizer: byte-level BPE over the embedded world's words and the protocol.

Digits are single tokens; the tags of the protocol are one token each, and so is the JSON of a call,
because for a model this small every token of context is time.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vt_env import SUITES, load_template
from vt_env.tasks import CANVAS, draw_scene

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
TAGS = tuple(
    f"<{slash}{tag}>"
    for tag in ("think", "answer", "tool_call", "tool_response")
    for slash in ("", "/")
)
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# A whole call, a digit, " or ", a word with the space after it, a run of punctuation with its, or
# white space. So a word is the same token at the end of a list's entry, of a question, and alone.
PIECES = r'\{"name".*?\}\}|\d| or |[A-Za-z]+(?: (?!or ))?|[^\sA-Za-z\d]+ ?|\s+'


SCENES = 1200
"""Scenes whose questions and answers are looked through for words."""


@functools.cache
def corpus() -> tuple[str, ...]:
    """The texts that the merges are learned from: the protocol, and every word of the world."""
    brief = load_template("brief")
    texts = {"clear", "unclear", "yes", "no"}
    for index in range(SCENES):
        scene = draw_scene(np.random.default_rng([0, index]), CANVAS, SUITES["mixed"])
        for question in scene.questions:
            texts |= {question.text, question.answer, f"{question.text} {question.answer}"}
    # Each word once, so that the merges hang on which words there are and not on how many.
    words = {word for text in texts for word in re.findall(r"[A-Za-z]+ ?", text)}
    lines = [
        "system\nuser\nassistant\n",
        brief.system_text(),
        brief.tool_response,
        brief.tool_error,
        brief.forced_answer,
        brief.forced_request,
        (Path(__file__).parent / "words.txt").read_text(encoding="utf-8"),
    ]
    return (*lines, *(f"{word}\n{word.strip()} 0" for word in sorted(words)))


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Trains the tokenizer; the same on every machine."""
    from agents.models.compat import prepare_imports

    prepare_imports()
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus() * 2, trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in TAGS])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
