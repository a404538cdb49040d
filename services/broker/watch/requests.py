"""Every request as one log line and some counts: by the template of its path, never by the path."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import get_contextvars

from services.broker.front import problems
from services.broker.watch import metrics, traces
from services.broker.watch.fields import METHODS
from services.broker.watch.logs import say
from services.broker.watch.settings import WatchSettings

_VERSIONS = ("/v1",)
"""Prefixes of routers, which a route does not know of itself."""
_PARTS = "/parts/{number}"
_PROBES = ("/healthz", "/readyz")
"""Asked every few seconds by whoever watches; their answers are worth a line when they are bad."""


def route_of(scope: MutableMapping[str, Any]) -> str:
    """The template of the path that was asked for; ``none`` if there is none like it."""
    template = getattr(scope.get("route"), "path", None)
    if not isinstance(template, str):
        return "none"
    prefix = next((one for one in _VERSIONS if scope["path"].startswith(f"{one}/")), "")
    return template if template.startswith(f"{prefix}/") and prefix else prefix + template


class Watching:
    """Looks on; changes neither request nor answer."""

    def __init__(self, app: ASGIApp, *, settings: WatchSettings) -> None:
        self._app = app
        self._addresses = settings.log_addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, started, status, size = time.time_ns(), time.monotonic_ns(), 500, 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except Exception as error:
            status = problems.unexpected(error).status_code  # answered outside of this
            raise
        finally:
            self._tell(scope, status, began, time.monotonic_ns() - started, size)

    def _tell(self, scope: Scope, status: int, began: int, took: int, size: int) -> None:
        seconds = took / 1e9
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = route_of(scope)
        metrics.answered(method=method, route=route, status=status, seconds=seconds)
        if status == 200 and route.endswith(_PARTS):
            metrics.received(size)
        address = {"address": scope["client"][0]} if self._addresses and scope.get("client") else {}
        told: dict[str, Any] = {"method": method, "route": route, "status": status, **address}
        aside = route in _PROBES and status < 400
        say("request", aside=aside, seconds=round(seconds, 3), **told)
        if not aside:
            traces.tell(began, began + took, {**get_contextvars(), **told})


def install(app: FastAPI, settings: WatchSettings) -> None:
    app.add_middleware(Watching, settings=settings)
