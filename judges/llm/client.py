"""One request to an OpenAI-compatible endpoint: a reply, or a failure with a name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from judges.base import Usage
from judges.errors import JudgeError
from judges.llm.bounds import ReplyBounds, ReplyError
from judges.llm.direct import Address, DirectSession, Received, http_library, takes_proxy
from judges.llm.retry import retry_after_seconds
from judges.parameters import as_count, as_mapping

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Structured = Literal["json_schema", "choice", "none"]
STRUCTURED: tuple[Structured, ...] = ("json_schema", "choice", "none")
MISSING_EXTRA = "The model judge needs the 'openai' package: pip install -e '.[judge]'"

_VERDICTS = ('{"score": 0}', '{"score": 1}')
_SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "enum": [0, 1]}},
    "required": ["score"],
    "additionalProperties": False,
}
_ONE_CALL = Usage(calls=1)
_TRANSPORTS = frozenset({"aiohttp", "httpx", "httpx2", "httpx_aiohttp", "httpcore", "h11", "anyio"})
_MOST_TOKENS = 10**9
"""Largest token count that is believed."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Endpoint:
    """Where a judging model is served, and how it is asked.

    Attributes:
        model: The model's name there (the deployment's name on Azure).
        base_url: Such as ``"http://127.0.0.1:8000/v1"``; None for the client's own default.
        api_key: The key; None takes the client's usual environment variable.
        azure_endpoint: An Azure resource's address; takes the place of `base_url`.
        api_version: Azure's API version; goes with `azure_endpoint`.
        structured: How the reply's form is asked for: by JSON schema, by vLLM's structured
            choice, or not at all. A server that refuses the first two is asked plainly.
        max_tokens: Longest reply, in tokens.
        extra_body: Further fields of the request, such as vLLM's ``chat_template_kwargs``; text is
            read as JSON.
    """

    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    azure_endpoint: str | None = None
    api_version: str | None = None
    structured: Structured = "json_schema"
    max_tokens: int = 32
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_tokens", as_count("max_tokens", self.max_tokens, 8))
        object.__setattr__(self, "extra_body", as_mapping("extra_body", self.extra_body))
        if not self.model:
            raise JudgeError("A model judge needs the name of a model.")
        if self.structured not in STRUCTURED:
            raise JudgeError(f"structured is one of {STRUCTURED}, got {self.structured!r}.")
        if self.azure_endpoint and self.base_url:
            raise JudgeError("Give azure_endpoint or base_url, not both.")

    def body(self, messages: list[dict[str, str]], structured: Structured) -> dict[str, Any]:
        """Builds a request's body; the temperature is 0, whatever `extra_body` says."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": messages,
            "max_completion_tokens": self.max_tokens,
            **self.extra_body,
            "temperature": 0,
            "n": 1,
            "stream": False,
        }
        if structured == "json_schema":
            schema = {"name": "verdict", "strict": True, "schema": _SCHEMA}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif structured == "choice":
            body["structured_outputs"] = {"choice": list(_VERDICTS)}
        return body


@dataclass(frozen=True)
class Reply:
    """What one request came to.

    Attributes:
        text: The model's words; None when the request failed.
        failure: Why it failed, as a short name; None when it did not.
        retryable: Whether trying again may help.
        server_fault: Whether the failure says that the server is in trouble.
        lasting: Whether it is of a kind that no later request escapes, as with a wrong key.
        retry_after: Seconds the server asked to be left alone, if it did.
        bad_form: Whether the server refused the request itself, perhaps for its structured form.
        detail: A line for the log.
        usage: Tokens spent.
    """

    text: str | None = None
    failure: str | None = None
    retryable: bool = False
    server_fault: bool = False
    lasting: bool = False
    retry_after: float | None = None
    bad_form: bool = False
    detail: str = ""
    usage: Usage = _ONE_CALL


class Caller:
    """An `openai` client whose first request says how all others are addressed.

    Making a request anew is two fifths of what the client costs, so later ones take the address and
    headers of the first that was answered, and go straight through `aiohttp` where they can.

    Args:
        client: Where to, with which key.
        http: Its HTTP side.
        bounds: What is taken of a reply.
        address: Of all callers that ask there with that key; one of them finds it out.
        direct: What goes straight there; None: all go through `http`.
    """

    def __init__(
        self,
        client: AsyncOpenAI,
        http: Any,
        bounds: ReplyBounds,
        address: Address,
        direct: DirectSession | None,
    ) -> None:
        self._client, self._http, self._bounds = client, http, bounds
        self._address, self._direct = address, direct

    @property
    def base_url(self) -> str:
        """Where it asks."""
        return str(self._client.base_url)

    async def post(self, body: dict[str, Any]) -> Received:
        """Sends a request; returns what came, a success or not.

        Raises:
            openai.OpenAIError: As the client does, at the first request.
            ReplyError: If the reply is over its bounds, or sends elsewhere.
            TimeoutError: If it does not come in time.
            Exception: As the HTTP side does.
        """
        to, content = self._address, json.dumps(body).encode()
        if not to.url:
            return await self._first(body)
        if self._direct is not None:
            return await self._direct.post(content, self._bounds)
        request = self._http.build_request("POST", to.url, headers=to.headers, content=content)
        try:
            return _received(await self._http.send(request))
        except http_library().TimeoutException as error:
            raise TimeoutError from error

    async def _first(self, body: dict[str, Any]) -> Received:
        # The client's generic call: its typed one spends half of its time on the types.
        response = http_library().Response
        got = await self._client.post("/chat/completions", cast_to=response, body=body)
        headers = got.request.headers.multi_items()
        own = ("content-length", "host")
        if not self._address.url:
            self._address.headers = [(n, v) for n, v in headers if n.lower() not in own]
            self._address.url = str(got.request.url)
        return _received(got)

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.close()
        if self._direct is not None:
            await self._direct.close()


def _received(got: Any) -> Received:
    """A response of the HTTP library, read whole."""
    return Received(got.status_code, got.headers, got.content)


def make_client(
    endpoint: Endpoint, timeout: float, bounds: ReplyBounds, address: Address | None = None
) -> Caller:
    """Builds an `openai` client that never retries on its own, and follows no redirect.

    Loopback endpoints are reached directly, whatever proxies the environment names.

    Args:
        endpoint: Where to.
        timeout: Seconds one request may take.
        bounds: What is taken of a reply.
        address: What it has in common with other callers for this endpoint.

    Raises:
        JudgeError: If `openai` is not installed, or no key is to be found.
    """
    try:
        import openai
    except ImportError as error:
        raise JudgeError(MISSING_EXTRA) from error
    base, to = endpoint.azure_endpoint or endpoint.base_url or "", address or Address()
    local = urlsplit(base).hostname in _LOOPBACK
    http, over_aiohttp = _http_client(timeout, bounds, trust_env=not local)
    plain = over_aiohttp and (local or not takes_proxy(base))
    direct = DirectSession(to, trust_env=not local) if plain else None
    try:
        if endpoint.azure_endpoint:
            azure = openai.AsyncAzureOpenAI(
                azure_endpoint=endpoint.azure_endpoint,
                api_version=endpoint.api_version,
                api_key=endpoint.api_key,
                max_retries=0,
                timeout=timeout,
                http_client=http,
            )
            return Caller(azure, http, bounds, to, direct)
        client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            max_retries=0,
            timeout=timeout,
            http_client=http,
        )
        return Caller(client, http, bounds, to, direct)
    except (openai.OpenAIError, ValueError) as error:
        raise JudgeError(
            f"The model judge cannot be set up: {error} A server without a key takes any."
        ) from error


def _http_client(timeout: float, bounds: ReplyBounds, trust_env: bool) -> tuple[Any, bool]:
    """Builds the HTTP side, and says whether it is over `aiohttp`, as where that is installed."""
    import openai

    settings: dict[str, Any] = {
        "timeout": timeout,
        "trust_env": trust_env,
        "follow_redirects": False,
        "headers": {"accept-encoding": "identity"},
        "event_hooks": {"response": [bounds.take]},
    }
    try:
        return openai.DefaultAioHttpClient(**settings), True
    except (AttributeError, RuntimeError):
        return openai.DefaultAsyncHttpxClient(**settings), False


async def ask(client: Caller, body: dict[str, Any], timeout: float, bounds: ReplyBounds) -> Reply:
    """Sends one request and names what came of it; raises nothing the server can cause.

    Args:
        client: From `make_client`.
        body: From `Endpoint.body`.
        timeout: Seconds the request may take as a whole, however slowly bytes drip in.
        bounds: What is taken of a reply, as `make_client` had them.
    """
    try:
        return await _ask(client, body, timeout, bounds)
    except ReplyError as fault:
        return _not_taken(fault)
    except Exception as error:  # HTTP and JSON parsers raise whatever hostile bytes lead to
        detail = repr(error)[:500]
        if _of_transport(error):
            return Reply(failure="connection", retryable=True, server_fault=True, detail=detail)
        return Reply(failure="unparsable", retryable=True, detail=detail)


async def _ask(client: Caller, body: dict[str, Any], timeout: float, bounds: ReplyBounds) -> Reply:
    import openai

    try:
        async with asyncio.timeout(timeout):
            got = await client.post(body)
    except (TimeoutError, openai.APITimeoutError) as error:
        broken = _broken_connection(error)
        failure = "timeout" if broken is None else "connection"
        detail = "" if broken is None else str(broken)[:500]
        return Reply(failure=failure, retryable=True, server_fault=True, detail=detail)
    except openai.APIStatusError as error:
        return _refusal(error.status_code, error.response.headers, str(error)[:500])
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, ReplyError):  # earlier releases of the client wrap it
            return _not_taken(error.__cause__)
        detail = repr(error.__cause__ or error)
        return Reply(failure="connection", retryable=True, server_fault=True, detail=detail)
    return _taken(got, bounds)


def _taken(got: Received, bounds: ReplyBounds) -> Reply:
    """Names what came: words, a refusal, or nothing that can be read."""
    if not got.is_success:
        return _refusal(got.status, got.headers, f"Error code: {got.status} - {got.text}"[:500])
    kind = got.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.endswith("json"):
        detail = f"{kind[:40]}: {got.body[:200]!r}"
        return Reply(failure="unparsable", retryable=True, detail=detail)
    return _read(bounds.read(got.body))


def _not_taken(fault: ReplyError) -> Reply:
    """Names a reply that was over its bounds, or sent elsewhere."""
    return Reply(
        failure=fault.fault,
        retryable=fault.fault != "redirected",
        server_fault=fault.fault in ("redirected", "connection"),
        lasting=fault.fault == "redirected",
        detail=str(fault),
    )


def _of_transport(error: BaseException) -> bool:
    """Whether an error comes from the HTTP side or below, not from reading what it brought."""
    package = type(error).__module__.split(".", 1)[0]
    return package in _TRANSPORTS or isinstance(error, OSError | EOFError | ExceptionGroup)


def _broken_connection(error: BaseException | None) -> BaseException | None:
    """Finds a broken connection that the HTTP side reports as a time-out, as over `aiohttp`."""
    while error is not None:
        if type(error).__module__.startswith("aiohttp") and not isinstance(error, TimeoutError):
            return error
        error = error.__cause__
    return None


def _refusal(status: int, headers: Mapping[str, str], detail: str) -> Reply:
    """Names a response whose status is no success."""
    if status == 429:
        wait = retry_after_seconds(headers)
        return Reply(failure="rate_limited", retryable=True, retry_after=wait, detail=detail)
    if status in (408, 409) or status >= 500:
        wait = retry_after_seconds(headers)
        return Reply(
            failure="server_error",
            retryable=True,
            server_fault=status >= 500,
            retry_after=wait,
            detail=detail,
        )
    if "content_filter" in detail or "content management policy" in detail:
        return Reply(failure="refused", detail=detail)
    if status in (401, 403, 404):
        failure = "not_found" if status == 404 else "auth"
        return Reply(failure=failure, server_fault=True, lasting=True, detail=detail)
    return Reply(failure="bad_request", bad_form=status in (400, 422), detail=detail)


def _read(data: object) -> Reply:
    """Takes the words out of a response; anything of another shape is unparsable."""
    try:
        (choice,) = data["choices"]  # type: ignore[index]
        message = choice["message"]
        usage = _usage(data.get("usage"))  # type: ignore[attr-defined]
        refused = choice.get("finish_reason") == "content_filter" or message.get("refusal")
        text = message["content"]
    except (KeyError, ValueError, TypeError, AttributeError):
        return Reply(failure="unparsable", retryable=True, detail=_glimpse(data))
    if refused:
        return Reply(failure="refused", usage=usage)
    if not isinstance(text, str):
        return Reply(failure="unparsable", retryable=True, detail=_glimpse(data), usage=usage)
    return Reply(text=text, usage=usage)


def _usage(counts: object) -> Usage:
    """Reads token counts; a server that sends none, or nonsense, counts as 0."""
    found = counts if isinstance(counts, dict) else {}
    prompt, completion = (
        value if type(value) is int and 0 <= value <= _MOST_TOKENS else 0
        for value in (found.get("prompt_tokens"), found.get("completion_tokens"))
    )
    return Usage(prompt, completion, 1)


def _glimpse(data: object) -> str:
    """Returns the beginning of a response, for the log."""
    return json.dumps(data, default=repr)[:200]
