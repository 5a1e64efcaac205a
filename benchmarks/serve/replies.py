"""Replies as OpenAI's clients read them: one object, or events."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.serve.speakers import Said

DONE = "data: [DONE]\n\n"
_WORDS = re.compile(r"\s*\S+\s*|\s+")


@dataclass(frozen=True)
class Reply:
    """A reply on its way.

    Attributes:
        model: Who is asked.
        said: What it said.
    """

    model: str
    said: Said
    _id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    _created: int = field(default_factory=lambda: int(time.time()))

    def whole(self) -> dict[str, Any]:
        """The reply as one object."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": self.said.text, "refusal": None},
            "logprobs": self._logprobs(),
            "finish_reason": self._end,
        }
        return self._object("chat.completion", choices=[choice], usage=self._usage())

    def events(self, include_usage: bool) -> Iterator[str]:
        """The reply in server-sent events: the role, the text word by word, the end, the usage.

        Args:
            include_usage: Whether the usage comes in an event of its own, which has no choices;
                else it comes with the end.
        """
        yield self._event({"role": "assistant", "content": ""})
        for piece in _WORDS.findall(self.said.text):
            yield self._event({"content": piece})
        if include_usage:
            yield self._event({}, self._end)
            yield _line(self._chunk(choices=[], usage=self._usage()))
        else:
            yield self._event({}, self._end, usage=self._usage())
        yield DONE

    @property
    def _end(self) -> str:
        return "length" if self.said.cut_off else "stop"

    def _event(self, delta: dict[str, str], end: str | None = None, **more: Any) -> str:
        logprobs = self._logprobs() if end else None
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": end}
        return _line(self._chunk(choices=[choice], **more))

    def _chunk(self, **more: Any) -> dict[str, Any]:
        return self._object("chat.completion.chunk", **more)

    def _object(self, kind: str, **more: Any) -> dict[str, Any]:
        head = {"id": self._id, "object": kind, "created": self._created, "model": self.model}
        return {**head, **more}

    def _usage(self) -> dict[str, int]:
        read, written = self.said.prompt_tokens, self.said.completion_tokens
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }

    def _logprobs(self) -> dict[str, Any] | None:
        if not self.said.tokens:
            return None
        return {
            "content": [
                {
                    "token": token.text,
                    "logprob": token.logprob,
                    "bytes": list(token.text.encode()),
                    "top_logprobs": [],
                }
                for token in self.said.tokens
            ]
        }


def _line(told: dict[str, Any]) -> str:
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n"
