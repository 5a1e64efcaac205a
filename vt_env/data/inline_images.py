"""Images that a row holds as text: base64, as VLMEvalKit writes them, and ``data:`` URIs."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from vt_env.data.schemas import RowError
from vt_env.data.text import quoted

_DATA_URI = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}\s*")
_URL_SAFE = str.maketrans("-_", "+/")
_STARTS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8|RIFF....WEBP|II\*\x00|MM\x00\*|BM|P[1-6]\s", re.DOTALL
)
"""How files of the formats that are read begin."""
_LEAST = 40
"""Characters of the shortest image in base64, a GIF of one pixel, less a few."""


def inline_image(text: str, most: int) -> bytes | None:
    """The bytes of the image that a text holds.

    Args:
        text: What is in a row's image column.
        most: Largest number of bytes that is decoded.

    Returns:
        The bytes, not looked at; None where the text is neither base64 nor a ``data:`` URI, or is
        too short to hold an image: it is a path or an address.

    Raises:
        RowError: If it is one of the two and cannot be decoded, or is longer than allowed.
    """
    text = text.strip()
    if len(text) < _LEAST:
        return None
    uri = _DATA_URI.match(text) if text[:5].lower() == "data:" else None
    if uri is not None:
        return _from_uri(text, uri, most)
    if not _BASE64.fullmatch(text) or not _begins_as_image(text):
        return None
    return _decoded(text, most)


def _from_uri(text: str, uri: re.Match[str], most: int) -> bytes:
    kind = uri[1].strip().lower()
    if kind and not kind.startswith("image/") and kind != "application/octet-stream":
        raise RowError("image", f"{quoted(text)} is a data: URI of {quoted(kind)}, not an image.")
    body = text[uri.end() :]
    if ";base64" not in uri[2].lower():
        _check_length(len(body), most)
        return unquote_to_bytes(body)
    return _decoded(body, most)


def _begins_as_image(text: str) -> bool:
    """Whether base64 text begins as an image does; so does no path that people have."""
    start = "".join(text[:64].split()).translate(_URL_SAFE)
    try:
        head = base64.b64decode(start[: len(start) // 4 * 4])
    except binascii.Error:
        return False
    return _STARTS.match(head) is not None


def _decoded(text: str, most: int) -> bytes:
    _check_length(len(text) * 3 // 4, most)
    packed = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        raise RowError("image", f"{quoted(text)} is not whole base64 ({error}).") from error


def _check_length(length: int, most: int) -> None:
    if length > most:
        raise RowError(
            "image", f"about {length} bytes exceed the limit of {most} bytes (max_image_bytes)."
        )
