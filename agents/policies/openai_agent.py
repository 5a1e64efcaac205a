"""`OpenAIAgent`: a model behind any OpenAI-compatible endpoint that takes images."""

from __future__ import annotations

import inspect
import json
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from agents.policies.base import Agent, AgentError, Turn, View
from judges import ReplyBounds, ReplyError
from vt_env.adapters import chat_messages
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

KEY_VARIABLE = "OPENAI_API_KEY"
TOOL_FORMS = ("text", "native")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CONTEXT = ("context_length_exceeded", "maximum context length", "model's context is")
"""How endpoints say that a conversation is too long for the model."""
_MILLION = 1e6


@dataclass(frozen=True)
class Asking:
    """How a model is asked.

    Attributes:
        model: Its name at the endpoint.
        base_url: The endpoint, such as ``http://127.0.0.1:8000/v1``; None: the client's own, or
            what OPENAI_BASE_URL says.
    """

    model: str
    base_url: str | None = None
    temperature: float | None = setting(
        0.0, "0 is greedy. None: not sent, for models that refuse it.", Numbers(0, 2)
    )
    max_tokens: int = setting(256, "Longest turn, in tokens.", Numbers(1))
    seed: int | None = setting(
        None, "What seeds of requests are made from. None: none are sent.", Numbers(0)
    )
    concurrency: int = setting(16, "Requests on their way at once, at most.", Numbers(1))
    timeout: float = setting(120.0, "Seconds that a request may take.", Numbers(0, above=True))
    max_reply_bytes: int = setting(
        2**24, "Bytes of a reply at most, as received and as unpacked.", Numbers(1)
    )
    max_retries: int = setting(
        3,
        "Times that a request is sent again after a time-out, a broken connection, 408, 409, 429 "
        "or 5xx.",
        Numbers(0),
    )
    tools: str = setting(
        "text", "text: called as the prompt says; native: declared, calls read.", TOOL_FORMS
    )
    max_requests: int | None = setting(None, "Most requests. None: any number.", Numbers(1))
    max_dollars: float | None = setting(
        None,
        "Most dollars; requests that are on their way then come on top. None: any sum.",
        Numbers(0, above=True),
    )
    prompt_price: float | None = setting(
        None, "Dollars a million tokens read. None: not counted.", Numbers(0)
    )
    completion_price: float | None = setting(
        None, "Dollars a million tokens written. None: not counted.", Numbers(0)
    )
    extra_body: Mapping[str, Any] = setting({}, "Further fields of a request, by name.")

    def __post_init__(self) -> None:
        check_fields(self, AgentError)
        if self.max_dollars is not None and not self.priced:
            raise AgentError("max_dollars needs prompt_price and completion_price.")

    @property
    def priced(self) -> bool:
        """Whether dollars are counted."""
        return self.prompt_price is not None and self.completion_price is not None

    @property
    def local(self) -> bool:
        """Whether the endpoint is on this machine."""
        address = self.base_url or os.environ.get("OPENAI_BASE_URL") or ""
        return urlsplit(address).hostname in _LOOPBACK

    def __str__(self) -> str:
        return f"{self.base_url or os.environ.get('OPENAI_BASE_URL') or 'OpenAI'}#{self.model}"


@dataclass
class Spending:
    """What was asked so far, over all threads.

    Attributes:
        asking: How it is asked, with prices and budget.
        requests: Requests that were sent; those that the client sends again count once.
        prompt_tokens: Tokens read, as the endpoint counts them.
        completion_tokens: Tokens written.
        over_context: Requests that were refused as the conversation was too long for the model.
    """

    asking: Asking
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    over_context: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def dollars(self) -> float:
        """What the tokens cost; 0 without prices."""
        read = self.prompt_tokens * (self.asking.prompt_price or 0.0)
        written = self.completion_tokens * (self.asking.completion_price or 0.0)
        return (read + written) / _MILLION

    def begin(self) -> None:
        """Counts a request that is about to be sent.

        Raises:
            AgentError: If the budget is spent.
        """
        most, sum_ = self.asking.max_requests, self.asking.max_dollars
        with self._lock:
            if most is not None and self.requests >= most:
                raise AgentError(f"{self.asking}: its budget of {most} requests is spent.")
            if sum_ is not None and self.dollars >= sum_:
                raise AgentError(
                    f"{self.asking}: its budget of ${sum_:g} is spent (${self.dollars:.4g} in "
                    f"{self.requests} requests)."
                )
            self.requests += 1

    def end(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Counts the tokens of a request that was answered."""
        with self._lock:
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens

    def overran(self) -> None:
        """Counts a conversation that the model has no room for."""
        with self._lock:
            self.over_context += 1


class OpenAIAgent(Agent):
    """Asks a model behind an OpenAI-compatible endpoint; the requests of one `act` go together.

    The key is read from OPENAI_API_KEY; a server on this machine may do without. Endpoints on this
    machine are reached directly, whatever proxies the environment names.

    Args:
        model: Its name at the endpoint.
        base_url: The endpoint, such as ``http://127.0.0.1:8000/v1``; None: the client's own.
        **settings: Further fields of `Asking`.

    Raises:
        AgentError: If a setting cannot work, the client is not installed, or there is no key.
    """

    def __init__(self, model: str, base_url: str | None = None, **settings: Any) -> None:
        self.asking = Asking(model, base_url, **settings)
        self._spending = Spending(self.asking)
        self._seeds: tuple[int, ...] = ()
        self._client = _client(self.asking)
        self._threads = ThreadPoolExecutor(
            self.asking.concurrency, thread_name_prefix="openai-agent"
        )

    def reset(self, seeds: Sequence[int]) -> None:
        """Begins episodes; their seeds go into those of the requests."""
        self._seeds = tuple(seeds)

    def act(self, views: Sequence[View]) -> list[Turn]:
        """Asks for a turn of each episode.

        Raises:
            AgentError: If the endpoint does not answer, or the budget is spent.
        """
        asked = [self._threads.submit(self._turn, view) for view in views]
        try:
            return [one.result() for one in asked]
        finally:
            for one in asked:
                one.cancel()

    def close(self) -> None:
        """Closes the connections; a request that is still on its way ends with them."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def told(self) -> dict[str, float]:
        """Requests and tokens; ``dollars`` where there are prices."""
        spent = self._spending
        counts = {
            "requests": spent.requests,
            "prompt_tokens": spent.prompt_tokens,
            "completion_tokens": spent.completion_tokens,
            "over_context": spent.over_context,
        }
        told = {name: float(count) for name, count in counts.items()}
        return {**told, "dollars": spent.dollars} if self.asking.priced else told

    def _turn(self, view: View) -> Turn:
        import openai

        self._spending.begin()
        try:
            reply = self._client.chat.completions.create(**self._body(view))
        except openai.BadRequestError as error:
            if any(words in f"{error.code} {error}" for words in _CONTEXT):
                self._spending.overran()
                return Turn("", no_room=True)
            raise _failure(self.asking, error) from error
        except openai.OpenAIError as error:
            cause = error.__cause__
            if isinstance(cause, ReplyError):  # some releases of the client wrap it
                raise _not_taken(self.asking, cause) from error
            raise _failure(self.asking, error) from error
        except ReplyError as error:
            raise _not_taken(self.asking, error) from error
        turn = read_reply(self.asking, reply)
        self._spending.end(turn.prompt_tokens, turn.completion_tokens)
        return turn

    def _body(self, view: View) -> dict[str, Any]:
        asking = self.asking
        body: dict[str, Any] = {
            "model": asking.model,
            "messages": chat_messages(view["messages"]),
            "max_completion_tokens" if asking.base_url is None else "max_tokens": asking.max_tokens,
        }
        if asking.temperature is not None:
            body["temperature"] = asking.temperature
        if asking.seed is not None:
            body["seed"] = self._seed(asking.seed, view)
        if asking.tools == "native" and view["tools"]:
            body["tools"] = [json.loads(tool.schema()) for tool in view["tools"]]
            body["parallel_tool_calls"] = False
        if asking.extra_body:
            body["extra_body"] = dict(asking.extra_body)
        return body

    def _seed(self, seed: int, view: View) -> int:
        """A seed of its own for every turn of every episode; the same when it is played again."""
        place = view["episode"]
        episode = self._seeds[place] if place < len(self._seeds) else place
        return (seed * 1_000_003 + episode * 1009 + int(view["turn"])) % 2**31


# Names of settings are checked by the signature before an agent is made.
OpenAIAgent.__signature__ = inspect.signature(Asking)  # type: ignore[attr-defined]


def read_reply(asking: Asking, reply: Any) -> Turn:
    """The turn that a reply holds, in the protocol's words.

    A thought that the endpoint has taken out of the text is put back before it; calls of tools are
    written after it.

    Args:
        asking: Who was asked, for the error.
        reply: The client's ``ChatCompletion``.

    Raises:
        AgentError: If it holds no turn.
    """
    try:
        (choice, *_), usage = reply.choices, reply.usage
        message = choice.message
        text, calls = message.content or "", message.tool_calls or ()
    except (AttributeError, TypeError, ValueError) as error:
        raise AgentError(
            f"{asking}: the reply holds no turn ({str(reply)[:200]}). Is this the address of an "
            "OpenAI-compatible API, which ends in /v1?"
        ) from error
    thought = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    if isinstance(thought, str) and thought and "</think>" not in text:
        text = f"<think>{thought}</think>{text}"
    text += "".join(map(_call_text, calls))
    return Turn(
        text,
        cut_off=choice.finish_reason == "length",
        prompt_tokens=getattr(usage, "prompt_tokens", 0) or 0,
        completion_tokens=getattr(usage, "completion_tokens", 0) or 0,
    )


def _call_text(call: Any) -> str:
    """A call of a tool as the protocol writes it; arguments that are no JSON stay as they are."""
    function = call.function
    try:
        arguments = json.dumps(json.loads(function.arguments or "{}"))
    except ValueError:
        arguments = function.arguments
    name = json.dumps(function.name)
    return f'<tool_call>{{"name": {name}, "arguments": {arguments}}}</tool_call>'


def _client(asking: Asking) -> Any:
    """The library's client.

    Raises:
        AgentError: If the library is not installed, or there is no key.
    """
    try:
        import openai
    except ImportError as error:
        raise AgentError(
            "An agent behind an endpoint needs the 'openai' package: pip install -e '.[judge]'"
        ) from error
    key = os.environ.get(KEY_VARIABLE) or ("none" if asking.local else None)
    if key is None:
        raise AgentError(
            f"{asking}: there is no key. Put it into the environment, as {KEY_VARIABLE}; for an "
            "endpoint that needs none put any text."
        )
    bounds = ReplyBounds(max_reply_bytes=asking.max_reply_bytes)
    http = openai.DefaultHttpxClient(
        timeout=asking.timeout,
        trust_env=not asking.local,
        follow_redirects=False,
        event_hooks={"response": [lambda got: bounds.take_at_once(got, asking.timeout)]},
    )
    try:
        return openai.OpenAI(
            base_url=asking.base_url,
            api_key=key,
            max_retries=asking.max_retries,
            timeout=asking.timeout,
            http_client=http,
        )
    except (openai.OpenAIError, ValueError) as error:
        raise AgentError(f"{asking}: cannot be set up ({error}).") from error


def _not_taken(asking: Asking, fault: ReplyError) -> AgentError:
    return AgentError(f"{asking}: its reply is not taken. {fault}")


def _failure(asking: Asking, error: Exception) -> AgentError:
    """What went wrong, and what to do about it."""
    import openai

    tries = f"after {asking.max_retries + 1} tries"
    if isinstance(error, openai.APITimeoutError):
        said = f"no answer within {asking.timeout:g} s, {tries}. Give it more (timeout)."
    elif isinstance(error, openai.APIConnectionError):
        cause = error.__cause__ or error
        said = f"cannot be reached, {tries} ({cause}). Is the server up, and the address right?"
    elif isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        said = f"refuses the key ({error}). Put the right one into {KEY_VARIABLE}."
    elif isinstance(error, openai.NotFoundError):
        said = f"is not there ({error}). Are the address, which ends in /v1, and the model right?"
    elif isinstance(error, openai.RateLimitError):
        said = f"asks for fewer requests, {tries} ({error}). Lower concurrency."
    elif isinstance(error, openai.APIStatusError) and error.status_code < 500:
        said = f"refuses the request ({error})."
    else:
        said = f"failed, {tries} ({error})."
    return AgentError(f"{asking}: {said}")
