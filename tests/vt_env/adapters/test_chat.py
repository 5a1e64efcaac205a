"""Conversations go over the wire and come back as they were; what is wrong is named."""

import pytest
from PIL import Image

from vt_env import ConfigError, ImageError, Message, make
from vt_env.adapters import chat_messages, data_url, read_messages


def same(one: Message, other: Message) -> bool:
    def plain(part: object) -> object:
        return (part.size, part.tobytes()) if isinstance(part, Image.Image) else part

    return one.role == other.role and [*map(plain, one.content)] == [*map(plain, other.content)]


def test_an_episode_comes_back_as_it_was() -> None:
    env = make("VisionThink-v0").unwrapped
    env.reset(seed=0, options={"index": 1})
    env.step('<think>?</think><tool_call>{"name": "resize_image", "arguments": '
             '{"action": "resize"}}</tool_call>')  # fmt: skip
    messages = env.episode.messages
    back = read_messages(chat_messages(messages))
    assert len(back) == len(messages) >= 4
    assert all(map(same, messages, back))
    assert sum(not isinstance(part, str) for m in back for part in m.content) == 2


def test_texts_alone_are_plain() -> None:
    said = chat_messages([Message("user", ("a", "b"))])
    assert said == [{"role": "user", "content": "ab"}]


IMAGE = data_url(Image.new("RGB", (3, 2), "red"))


@pytest.mark.parametrize(
    ("messages", "error", "said"),
    [
        ("hello", ConfigError, "messages must be"),
        ([], ConfigError, "messages must be"),
        ([{"role": "robot", "content": ""}], ConfigError, r"messages\[0\]\.role"),
        ([{"role": "user"}], ConfigError, r"messages\[0\]\.content"),
        ([{"role": "user", "content": [{"type": "audio"}]}], ConfigError, r"content\[0\]"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": IMAGE}]}],
         ConfigError, r"content\[0\]"),
        ([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}}]}],
         ConfigError, "nothing is fetched"),
        ([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": IMAGE[:60] + "!!"}}]}],
         ConfigError, r"content\[0\]"),
        ([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": IMAGE[:70]}}]}], ImageError, "content"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(messages: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        read_messages(messages)


def test_an_image_has_a_limit() -> None:
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}
    assert read_messages([message], most=10_000)[0].content[0].size == (3, 2)  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="bytes"):
        read_messages([message], most=10)
