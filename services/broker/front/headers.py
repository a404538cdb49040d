"""What every answer has, whatever gives it: a request id, and headers that tell browsers and caches to keep out."""

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from services.broker.front.problems import problem, unexpected

REQUEST_ID = "x-request-id"
_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
_HSTS = "max-age=31536000"
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
"""Random bytes or a UUID. Anything freer could carry a name or a number of a person into the log."""


class Front:
    """ASGI middleware. The id is in the logs' context as ``request_id``, and so in every problem."""

    def __init__(self, app: ASGIApp, *, random: Callable[[int], bytes]) -> None:
        self._app = app
        self._random = random

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope).getlist(REQUEST_ID), self._random)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("strict-transport-security", _HSTS)
            await send(message)

        with bound_contextvars(request_id=request_id):
            if holds_nul(scope):  # no database takes one, and no address of ours has one
                refusal = problem("bad-request", "The address holds a NUL byte.", "Use a current version of the tool.")
                await refusal(scope, receive, send_with_headers)
                return
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception as error:
                # Answered here because the framework's own answer to it would go past these headers.
                if not started:
                    await unexpected(error)(scope, receive, send_with_headers)
                raise


def request_id_of(given: list[str], random: Callable[[int], bytes]) -> str:
    """The caller's id if it gives one of 32 small hexadecimal digits, or a UUID in them; else a new one."""
    if len(given) == 1 and _ID.fullmatch(given[0]):
        return given[0]
    return random(16).hex()


def holds_nul(scope: Scope) -> bool:
    """Whether path or query has a NUL byte in it, as it is or percent-encoded."""
    return "\0" in scope["path"] or b"\0" in unquote_to_bytes(scope["query_string"])
