"""What a chat request may ask for: read, and refused by name where it cannot be done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vt_env import ConfigError, ImageError, Message, VisionThinkError
from vt_env.adapters import read_messages
from vt_env.settings.ranges import Numbers

NEUTRAL: dict[str, tuple[object, ...]] = {
    "n": (1,),
    "top_p": (1,),
    "top_k": (-1, 0),
    "min_p": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "repetition_penalty": (1,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "stop": ([], ""),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "structured_outputs": ({},),
}
"""Fields that change what is said and that we cannot do, with the values that change nothing."""
WHY = {
    "tools": " Tools are called in the text, as the prompt says.",
    "n": " Ask as often as there are to be answers.",
}


class RequestError(VisionThinkError):
    """A request that is refused.

    Attributes:
        status: HTTP status.
        code: Short name of the fault.
        param: Field at fault; None when it is none.
    """

    def __init__(
        self, message: str, status: int = 400, code: str = "invalid_value", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param

    def told(self) -> dict[str, Any]:
        """The error as OpenAI's clients read it."""
        kinds = {401: "authentication_error", 404: "not_found_error"}
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {
                "message": str(self),
                "type": kinds.get(self.status, kind),
                "param": self.param,
                "code": self.code,
            }
        }


@dataclass(frozen=True)
class ChatRequest:
    """A request that was read.

    Attributes:
        messages: The conversation, the user's turn the last of it.
        temperature: How tokens are drawn; 0 is greedy.
        max_tokens: Longest reply, in tokens; None: as the model has it.
        seed: What the reply is drawn from; None: chance.
        logprobs: Whether log-probabilities of the reply's tokens are wanted.
        stream: Whether the reply is wanted in events.
        include_usage: Whether its usage is wanted in an event of its own.
    """

    messages: tuple[Message, ...]
    temperature: float = 1.0
    max_tokens: int | None = None
    seed: int | None = None
    logprobs: bool = False
    stream: bool = False
    include_usage: bool = False


def read_request(body: bytes, model: str) -> ChatRequest:
    """Reads the body of a chat request.

    Args:
        body: What was sent, not trusted.
        model: The only model there is.

    Raises:
        RequestError: If it is no request, or one for what cannot be done; names the field.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The body is no JSON ({error}).", code="invalid_json") from error
    if not isinstance(asked, dict):
        raise RequestError("The body must be a JSON object.", code="invalid_json")
    _check_model(asked.get("model"), model)
    for field, neutral in NEUTRAL.items():
        value = asked.get(field)
        if value is not None and value not in neutral:
            raise RequestError(
                f"{field}: {json.dumps(value)[:80]} is not supported here.{WHY.get(field, '')}",
                code="unsupported_parameter",
                param=field,
            )
    options = asked.get("stream_options")
    return ChatRequest(
        messages=_messages(asked.get("messages")),
        temperature=_number(asked, "temperature", Numbers(0, 2), 1.0),
        max_tokens=_most(asked),
        seed=_seed(asked),
        logprobs=_flag(asked, "logprobs"),
        stream=_flag(asked, "stream"),
        include_usage=isinstance(options, Mapping) and _flag(options, "include_usage"),
    )


def _check_model(asked: object, model: str) -> None:
    if asked != model:
        raise RequestError(
            f"There is no model {str(asked)[:80]!r} here; it is called {model!r}.",
            404,
            "model_not_found",
            "model",
        )


def _messages(asked: object) -> tuple[Message, ...]:
    try:
        messages = tuple(read_messages(asked))
    except (ConfigError, ImageError) as error:
        raise RequestError(str(error), param="messages") from error
    if messages[-1].role != "user":
        raise RequestError("The last of messages must be the user's.", param="messages")
    return messages


def _most(asked: Mapping[str, Any]) -> int | None:
    """The longest reply: by its name of today, else by the old one."""
    for name in ("max_completion_tokens", "max_tokens"):
        if asked.get(name) is not None:
            return int(_number(asked, name, Numbers(1, 2**31, whole=True), 1))
    return None


def _seed(asked: Mapping[str, Any]) -> int | None:
    if asked.get("seed") is None:
        return None
    return int(_number(asked, "seed", Numbers(-(2**63), 2**64, whole=True), 0)) % 2**32


def _number(asked: Mapping[str, Any], name: str, accepted: Numbers, default: float) -> float:
    value = asked.get(name)
    if value is None:
        return default
    if not accepted.holds(value):
        raise RequestError(
            f"{name} must {accepted} and be {accepted.kind}, got {json.dumps(value)[:80]}.",
            param=name,
        )
    found: float = value
    return found


def _flag(asked: Mapping[str, Any], name: str) -> bool:
    value = asked.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise RequestError(f"{name} must be true or false.", param=name)
