"""What every answer has, whatever gives it: a request id, and headers that tell browsers and caches to keep out."""

import re
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from services.broker.problems import unexpected

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
_TOKEN = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


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
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception as error:
                # Answered here because the framework's own answer to it would go past these headers.
                if not started:
                    await unexpected(error)(scope, receive, send_with_headers)
                raise


def request_id_of(given: list[str], random: Callable[[int], bytes]) -> str:
    """The caller's id if it gives one short token of letters, digits, dots, underscores and hyphens, or a new one."""
    if len(given) == 1 and _TOKEN.fullmatch(given[0]):
        return given[0]
    return random(16).hex()
