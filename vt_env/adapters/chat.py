"""Conversations in OpenAI's chat form: parts of text, and images as ``data:`` addresses.

https://platform.openai.com/docs/api-reference/chat: a message is ``{"role": …, "content": …}``, and
content is a text or a list of parts, ``{"type": "text", "text": …}`` and
``{"type": "image_url", "image_url": {"url": …}}``.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PIL import Image

from vt_env.data.inline_images import inline_image
from vt_env.data.schemas import RowError
from vt_env.episode import Message
from vt_env.errors import ConfigError
from vt_env.images.files import MAX_IMAGE_BYTES, BytesImage

ROLES = ("system", "user", "assistant")


def png_bytes(image: Image.Image) -> bytes:
    """The image as a PNG, every pixel of it kept; packed quickly rather than small."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def data_url(image: Image.Image) -> str:
    """The image as the ``data:`` address of a PNG."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(image)).decode("ascii")


def spelled(text: str, special: Iterable[str]) -> str:
    """A text with special tokens of a model spelled apart: what a question says stays text.

    Args:
        text: Anything.
        special: The tokens as they are written, such as ``<|im_end|>``.
    """
    for token in special:
        if token in text:
            text = text.replace(token, " ".join(token))
    return text


def special_tokens(tokenizer: Any) -> tuple[str, ...]:
    """The special tokens of a Hugging Face tokenizer, as they are written."""
    return tuple(t.content for t in tokenizer.added_tokens_decoder.values() if t.special)


def chat_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """A conversation as an OpenAI-compatible endpoint takes it.

    Args:
        messages: What `Episode.messages` holds.

    Returns:
        A message each; one that is text alone has it as its content, as all servers take it.
    """
    return [{"role": m.role, "content": _content(m.content)} for m in messages]


def _content(parts: Sequence[str | Image.Image]) -> str | list[dict[str, Any]]:
    if all(isinstance(part, str) for part in parts):
        return "".join(str(part) for part in parts)
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": data_url(part)}}
        for part in parts
    ]


def read_messages(messages: object, most: int = MAX_IMAGE_BYTES) -> list[Message]:
    """Reads a conversation that came over the wire.

    Args:
        messages: The ``messages`` of a request, not trusted.
        most: Largest number of bytes of one image.

    Returns:
        The same with its images decoded, mode RGB.

    Raises:
        ConfigError: Naming the message and the field that is not as it must be.
        ImageError: If an image cannot be read, or is beyond the limits of `vt_env.images`.
    """
    if not isinstance(messages, list) or not messages:
        raise ConfigError("messages must be a list of at least one message.")
    return [_message(f"messages[{n}]", one, most) for n, one in enumerate(messages)]


def _message(where: str, message: object, most: int) -> Message:
    if not isinstance(message, Mapping) or message.get("role") not in ROLES:
        raise ConfigError(f"{where}.role must be one of {', '.join(ROLES)}.")
    content = message.get("content")
    if isinstance(content, str):
        return Message(message["role"], (content,))
    if not isinstance(content, list):
        raise ConfigError(f"{where}.content must be a text or a list of parts.")
    parts = (_part(f"{where}.content[{n}]", part, most) for n, part in enumerate(content))
    return Message(message["role"], tuple(parts))


def _part(where: str, part: object, most: int) -> str | Image.Image:
    if isinstance(part, Mapping):
        text, image = part.get("text"), part.get("image_url")
        if part.get("type") == "text" and isinstance(text, str):
            return text
        url = image.get("url") if isinstance(image, Mapping) else None
        if part.get("type") == "image_url" and isinstance(url, str):
            return _image(where, url, most)
    raise ConfigError(
        f'{where} must be {{"type": "text", "text": …}} or '
        '{"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}}.'
    )


def _image(where: str, url: str, most: int) -> Image.Image:
    if url[:5].lower() != "data:":
        raise ConfigError(f"{where}: an image must be a data: address; nothing is fetched.")
    try:
        data = inline_image(url, most)
    except RowError as error:
        raise ConfigError(f"{where}: {error}") from error
    if data is None:
        raise ConfigError(f"{where}: the data: address holds no image.")
    return BytesImage(data, where).load()
