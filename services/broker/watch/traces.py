"""Requests as spans for an OpenTelemetry collector, off unless a setting names one.

1. A span says what the request's log line may say, by the same table, and when it began and ended; nothing else of ours
   makes spans.
2. A trace begins here: what a caller says of its own trace is not read.
3. The tracer is this module's own, not the process's, so that no library adds spans to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from services.broker.errors import BrokerError
from services.broker.watch.addresses import is_this_machine
from services.broker.watch.fields import admit
from services.broker.watch.settings import WatchSettings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_ATTRIBUTES: Final[Mapping[str, str]] = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "address": "client.address",
    "request_id": "counterfoil.request_id",
}
"""Fields of the log by OpenTelemetry's names (semantic conventions for HTTP servers). The time taken is the span's."""

_TIMEOUT_SECONDS = 10
_tracers: list[Tracer] = []


@contextmanager
def traced(settings: WatchSettings) -> Iterator[None]:
    """Send the spans of this process meanwhile, in the background, if a collector is named.

    What the collector does not take is lost; no request waits for it. Raises ``BrokerError`` for an address that is
    not safe, a token that cannot be read, or where the software for it is not installed.
    """
    if settings.traces_url is None:
        yield
        return
    provider = _provider(_checked(settings.traces_url), _token(settings.traces_token_file))
    _tracers.append(provider.get_tracer("counterfoil", version("counterfoil")))
    try:
        yield
    finally:
        _tracers.clear()
        provider.shutdown()


def tell(began: int, ended: int, fields: Mapping[str, Any]) -> None:
    """One request: from when to when, in nanoseconds of Unix time, and the fields of its log line."""
    for tracer in _tracers:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, StatusCode

        kept = admit("request", fields).fields
        span = tracer.start_span(
            f"{kept.get('method', 'other')} {kept.get('route', 'none')}",
            context=Context(),
            kind=SpanKind.SERVER,
            attributes={_ATTRIBUTES[name]: value for name, value in kept.items() if name in _ATTRIBUTES},
            start_time=began,
        )
        if kept.get("status", 500) >= 500:
            span.set_status(StatusCode.ERROR)
        span.end(ended)


def _provider(url: str, headers: dict[str, str]) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ImportError:
        raise BrokerError(
            "The software that sends traces is not installed.",
            where="traces_url",
            remedy="Install counterfoil[traces], or do not set traces_url.",
        ) from None
    described = Resource({"service.name": "counterfoil-broker", "service.version": version("counterfoil")})
    provider = TracerProvider(sampler=ALWAYS_ON, resource=described, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=url, headers=headers, timeout=_TIMEOUT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _checked(url: str) -> str:
    address = urlsplit(url)
    safe = address.scheme == "https" or (address.scheme == "http" and is_this_machine(address.hostname or ""))
    if not safe or "@" in address.netloc or address.query:
        raise BrokerError(
            "Traces would be sent in the open, or with a secret in the address.",
            where="traces_url",
            remedy="Name an address with https (http on this machine), without a user; put a token in "
            "traces_token_file.",
        )
    return url


def _token(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        return {"Authorization": f"Bearer {file.read_text('ascii').strip()}"}
    except (OSError, ValueError):
        raise BrokerError(
            "The token for the collector of traces cannot be read.",
            where=str(file),
            remedy="Name a file with one line of ASCII that the broker may read.",
        ) from None
