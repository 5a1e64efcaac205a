"""Asks for the key at every address of a server: vLLM's own check leaves some of them open.

vLLM loads it in its own process, by ``--middleware judges.llm.guard.KeyGuard``.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

KEY_VARIABLE = "VLLM_API_KEY"
OPEN = frozenset({"/health"})
"""What anybody may ask: whether the server is up."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
_BODY = b'{"error": {"message": "This server asks for its key.", "code": 401}}'


class KeyGuard:
    """ASGI middleware that answers 401 to requests without the key.

    Args:
        app: What is guarded.

    Raises:
        RuntimeError: If there is no key in the environment.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        key = os.environ.get(KEY_VARIABLE)
        if not key:
            raise RuntimeError(f"The server has no key: {KEY_VARIABLE} is not set.")
        self._key = key.encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        kind = scope["type"]
        if kind not in ("http", "websocket") or self._may_pass(scope):
            await self._app(scope, receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            head = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
            await send({"type": "http.response.start", "status": 401, "headers": head})
            await send({"type": "http.response.body", "body": _BODY})

    def _may_pass(self, scope: Message) -> bool:
        """Whether a request has the key, or needs none."""
        if scope.get("method") == "GET" and scope["path"] in OPEN:
            return True
        said = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        scheme, _, key = (said[0] if len(said) == 1 else b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(key.strip(), self._key)
