"""The endpoints: chat completions, the list of models, health."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.serve.batcher import Batcher
from benchmarks.serve.replies import Reply
from benchmarks.serve.requests import RequestError, read_request
from benchmarks.serve.speakers import Job, Speaker

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
"""What this machine may be called, so that no foreign name can be pointed at it."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desk:
    """Where requests are taken.

    Attributes:
        speaker: Who answers.
        batcher: Through whom it is asked.
        model: What it is called.
        key: What clients must show; None: nothing.
        most_bytes: Longest body, in bytes.
    """

    speaker: Speaker
    batcher: Batcher
    model: str
    key: str | None = field(repr=False)
    most_bytes: int
    created: int = field(default_factory=lambda: int(time.time()))

    def check_key(self, headers: Mapping[str, str]) -> None:
        """Refuses who does not show the key.

        Raises:
            RequestError: Status 401.
        """
        shown = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if self.key is not None and not hmac.compare_digest(shown.encode(), self.key.encode()):
            raise RequestError(
                "Wrong API key: this server printed the right one when it started.",
                401,
                "invalid_api_key",
            )

    def prepare(self, body: bytes) -> Job:
        """Makes a job of a body.

        Raises:
            RequestError: If it cannot be answered.
        """
        return self.speaker.prepare(read_request(body, self.model))

    async def chat(self, request: Request) -> Response:
        """Answers a conversation."""
        from starlette.responses import JSONResponse, StreamingResponse

        self.check_key(request.headers)
        body = await self._body(request)
        job = await asyncio.to_thread(self.prepare, body)
        said = await asyncio.wrap_future(self.batcher.submit(job))
        reply = Reply(self.model, said)
        if not job.request.stream:
            return JSONResponse(reply.whole())
        events = reply.events(job.request.include_usage)
        headers = {"Cache-Control": "no-cache"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    async def models(self, request: Request) -> Response:
        """Names the only model."""
        from starlette.responses import JSONResponse

        self.check_key(request.headers)
        one = {
            "id": self.model,
            "object": "model",
            "created": self.created,
            "owned_by": "visionthink",
        }
        return JSONResponse({"object": "list", "data": [one]})

    async def health(self, _request: Request) -> Response:
        """Says whether requests are answered."""
        from starlette.responses import JSONResponse

        alive = self.batcher.alive
        return JSONResponse({"status": "ok" if alive else "stopped"}, 200 if alive else 503)

    async def _body(self, request: Request) -> bytes:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":  # a page of a browser could send any other unasked
            raise RequestError("The Content-Type must be application/json.", 415, "invalid_type")
        parts, size = [], 0
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > self.most_bytes:
                raise RequestError(
                    f"The request is larger than {self.most_bytes / 1e6:g} MB.", 413, "too_large"
                )
        return b"".join(parts)


def application(desk: Desk) -> Starlette:
    """The endpoints of a desk, as uvicorn serves them."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestError)
        return JSONResponse(error.told(), error.status)

    async def not_there(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        told = RequestError(str(error.detail), error.status_code, "not_found")
        return JSONResponse(told.told(), error.status_code, error.headers)

    async def failed(request: Request, error: Exception) -> Response:
        _log.error("%s failed: %r", request.url.path, error)
        told = RequestError(f"{type(error).__name__}: {error}", 500, "failed")
        return JSONResponse(told.told(), 500)

    return Starlette(
        routes=[
            Route("/v1/chat/completions", desk.chat, methods=["POST"]),
            Route("/v1/models", desk.models),
            Route("/health", desk.health),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(NAMES))],
        exception_handlers={RequestError: refused, HTTPException: not_there, Exception: failed},
    )
