"""The page of metrics, on a port of its own that is never the one parties see.

1. It is bound to this machine unless a setting says otherwise, and then only with a token.
2. Whoever does not show the token learns nothing but that there is a server.
3. Nothing of a request is written anywhere.
"""

from __future__ import annotations

import hmac
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from services.broker.errors import BrokerError
from services.broker.watch.addresses import is_this_machine
from services.broker.watch.logs import say
from services.broker.watch.settings import WatchSettings

SHORTEST_TOKEN = 32


def load_token(settings: WatchSettings) -> bytes | None:
    """Raises ``BrokerError`` for a token that cannot be read or is too short, and where one is needed."""
    file = settings.metrics_token_file
    if file is None:
        if not is_this_machine(settings.metrics_host):
            raise BrokerError(
                "Metrics would be open to whoever reaches this address.",
                where="metrics_host",
                remedy="Set a metrics_token_file, or leave metrics_host at 127.0.0.1.",
            )
        return None
    try:
        token = file.read_bytes().strip()
    except OSError:
        raise BrokerError(
            "The token of the metrics cannot be read.", where=str(file), remedy="Name a file that the broker may read."
        ) from None
    if len(token) < SHORTEST_TOKEN:
        raise BrokerError(
            f"The token of the metrics has fewer than {SHORTEST_TOKEN} characters.",
            where=str(file),
            remedy="Write a random one into the file.",
        )
    return token


@contextmanager
def metrics_served(settings: WatchSettings, registry: CollectorRegistry) -> Iterator[None]:
    """Serve the page meanwhile, if a port is set. Raises ``BrokerError`` if that cannot be done safely, or at all."""
    if settings.metrics_port is None:
        yield
        return
    token = load_token(settings)
    try:
        server = _Server((settings.metrics_host, settings.metrics_port), _handler(registry, token))
    except OSError:
        raise BrokerError(
            "The port of the metrics cannot be opened.",
            where=f"{settings.metrics_host}:{settings.metrics_port}",
            remedy="Choose another metrics_port; every process on a machine needs its own.",
        ) from None
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    say("metrics served", port=settings.metrics_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        say("metrics not served", sys.exception())


def _handler(registry: CollectorRegistry, token: bytes | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if not self._may_read():
                self._answer(401, b"")
            elif self.path != "/metrics":
                self._answer(404, b"")
            else:
                self._answer(200, generate_latest(registry))

        def _may_read(self) -> bool:
            shown = self.headers.get("authorization", "").encode("latin-1", "replace")
            return token is None or hmac.compare_digest(shown, b"Bearer " + token)  # 2

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", "Bearer")
            self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return "counterfoil"

        def log_message(self, *_words: Any) -> None:
            """3."""

    return Handler
