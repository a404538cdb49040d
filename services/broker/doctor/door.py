"""The way in: the certificate that parties see, what is spoken, and what the door lets through."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx

from keys.errors import CounterfoilError
from services.broker.doctor.finding import Finding, wrong
from services.broker.front.listening import tls_context
from services.broker.settings import Settings

SOON_DAYS = 30
_SECONDS = 20.0


def look_at_own_tls(settings: Settings) -> Iterator[Finding]:
    """Nothing is said where the broker leaves TLS to a proxy."""
    try:
        if tls_context(settings) is not None:
            yield Finding("own TLS", "certificate and key belong together and open")
    except CounterfoilError as error:
        yield wrong("own TLS", error.what, error.remedy)


def look_at_door(address: str, *, now: datetime) -> Iterator[Finding]:
    """``address``: as parties have it, ``https://broker.example``. Two requests are sent that say nothing."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme != "https" or not url.host or url.userinfo:
        yield wrong("door", "its address is not https://", "Give parties an address with TLS: put a proxy in front.")
        return
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((url.host, url.port or 443), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=url.host) as spoken,
        ):
            certificate, protocol = spoken.getpeercert() or {}, spoken.version() or ""
    except ssl.SSLCertVerificationError as error:
        yield wrong(
            "certificate",
            f"not trusted: {error.verify_message}",
            "Install a certificate for this very name, not expired, with its chain to an authority that parties trust.",
        )
        return
    except OSError as error:
        yield wrong("door", f"{url.host} cannot be reached ({type(error).__name__})", "Check DNS, network and proxy.")
        return
    yield _expiry(str(certificate.get("notAfter", "")), now)
    yield Finding("TLS", protocol)
    yield from _answers(address.rstrip("/"), context)


def _expiry(until: str, now: datetime) -> Finding:
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
    days = (ends - now).days
    said = f"trusted, until {ends:%Y-%m-%d} ({days} days)"
    return Finding("certificate", said, "Renew it now." if days < SOON_DAYS else "")


def _answers(address: str, context: ssl.SSLContext) -> Iterator[Finding]:
    try:
        with httpx.Client(verify=context, timeout=_SECONDS) as http:
            alive, metrics = http.get(f"{address}/healthz"), http.get(f"{address}/metrics")
    except httpx.HTTPError as error:
        yield wrong(
            "door", f"no answer ({type(error).__name__})", "Look at the proxy's log, and whether the broker runs."
        )
        return
    if not alive.is_success:
        remedy = "Look whether `counterfoil-broker serve` runs, and whether the proxy can reach it."
        yield wrong("door", f"/healthz answers {alive.status_code}", remedy)
        return
    yield Finding("door", "the broker answers")
    if "strict-transport-security" not in alive.headers:
        yield Finding("HSTS", "off", "Have the proxy send Strict-Transport-Security.")
    if metrics.is_success:
        yield wrong("metrics", "everybody can read /metrics", "Close /metrics in the proxy.")
