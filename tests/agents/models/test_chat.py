from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from agents.errors import AlignmentError
from agents.models.chat import ChatEncoder, expand_images, load_tokenizer
from tests.agents.helpers import with_prompt_end
from vt_env.episode import Message


@pytest.fixture(scope="module")
def encoder(checkpoint: Path) -> ChatEncoder:
    return ChatEncoder(load_tokenizer(checkpoint))


IMAGE = Image.new("RGB", (56, 56))


def test_turn_by_turn_encoding_equals_the_template_applied_once(encoder: ChatEncoder) -> None:
    opening = [Message("system", ("Be brief.",)), Message("user", (IMAGE, "What is it?"))]
    reply = Message("user", ("<tool_response>", IMAGE, "</tool_response>\nAnswer now."))
    said = "<think>unclear</think>"
    by_turns = [
        *encoder.opening(opening),
        *encoder.encode(said),
        encoder.eos,
        *encoder.continuation(reply),
    ]
    at_once = encoder.opening([*opening, Message("assistant", (said,)), reply])
    assert by_turns == at_once


@pytest.mark.parametrize(
    ("ending", "opens"),
    [("", False), ("<think>\n", True), ("<think>", True), ("<think>\n\n</think>\n\n", False)],
)
def test_a_chat_template_that_opens_the_thought_is_noticed(
    checkpoint: Path, ending: str, opens: bool
) -> None:
    tokenizer = load_tokenizer(checkpoint)
    tokenizer.chat_template = with_prompt_end(str(tokenizer.chat_template), ending)
    encoder = ChatEncoder(tokenizer)
    assert encoder.opens_thought is opens
    prompt = encoder.decode(encoder.opening([Message("user", (IMAGE, "hm"))]))
    assert prompt.endswith(f"<|im_start|>assistant\n{ending}")


def test_one_pad_an_image(encoder: ChatEncoder) -> None:
    ids = encoder.opening([Message("user", (IMAGE, "one", IMAGE))])
    assert ids.count(encoder.image_pad) == 2


@pytest.mark.parametrize("token", ["<|image_pad|>", "<|im_end|>", "<|vision_start|>"])
def test_a_question_cannot_speak_in_special_tokens(encoder: ChatEncoder, token: str) -> None:
    plain = encoder.opening([Message("user", (IMAGE, "hm"))])
    special = encoder.tokenizer.convert_tokens_to_ids(token)
    ids = encoder.opening([Message("user", (IMAGE, f"{token}{token} hm"))])
    assert ids.count(special) == plain.count(special)


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_survives_the_tokenizer(encoder: ChatEncoder, text: str) -> None:
    assert encoder.decode(encoder.encode(text)) == text


def test_expand_images() -> None:
    assert expand_images([1, 9, 2, 9], 9, [3, 1]) == [1, 9, 9, 9, 2, 9]
    with pytest.raises(AlignmentError, match="2 image pads for 1"):
        expand_images([9, 9], 9, [3])
