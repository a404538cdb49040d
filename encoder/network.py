"""The way to a broker: which certificates count, which proxy, and what is wrong when it cannot be gone."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import truststore

from encoder.errors import BrokerRefused, InputError, Unreachable

_LOCAL = ("127.0.0.1", "localhost", "::1")
_CLOCK = frozenset({9, 10, 0x800B0101})
"""X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED; on Windows CERT_E_EXPIRED for both."""


def open_client(address: str, *, timeout: float) -> httpx.Client:
    """A client for this address. Certificates are checked against the system's trust store, and against the file in
    ``SSL_CERT_FILE``; proxies are as the system or ``HTTPS_PROXY`` and ``NO_PROXY`` say, none to this computer itself.

    Redirects are not followed. Raises ``InputError`` for a file of certificates that is none.
    """
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    more = os.environ.get("SSL_CERT_FILE")
    if more and Path(more).is_file():  # OpenSSL reads it by itself; Windows and macOS must be told
        try:
            context.load_verify_locations(cafile=more)
        except ssl.SSLError:
            raise InputError(
                "There is no certificate in the file that SSL_CERT_FILE names.",
                where=more,
                remedy="Save the certificate in PEM form (Base-64 encoded X.509), or clear SSL_CERT_FILE.",
            ) from None
    return httpx.Client(verify=context, timeout=timeout, trust_env=not is_local(address))


def broker_address(text: str) -> str:
    """The address in its one form. Raises ``InputError`` unless it is HTTPS, or HTTP on this computer."""
    try:
        url = httpx.URL(text)
        urlsplit(text)  # stricter with brackets
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    plain = not (url.userinfo or url.query or url.fragment)
    if not plain or not url.host or not (url.scheme == "https" or (url.scheme == "http" and is_local(text))):
        raise InputError(
            "This is not a broker's address.",
            where="--broker",
            remedy="Give it as https://broker.example. http:// is only for a broker on this computer.",
        )
    return text.rstrip("/")


def is_local(address: str) -> bool:
    """Whether it leads nowhere but to this computer, where TLS and proxies have no place."""
    return httpx.URL(address).host in _LOCAL


def unreachable(error: httpx.HTTPError, *, where: str) -> BrokerRefused:
    """What it means that no answer came: ``Unreachable`` if the same request may get one later."""
    if (fault := _certificate_fault(error)) is not None:
        return BrokerRefused(f"The certificate is not trusted ({_why(fault)}).", where=where, remedy=_trust(fault))
    if isinstance(error, httpx.ProxyError):
        status = str(error)[:3]
        if status == "407":
            return proxy_wants_sign_in(where)
        if not status.startswith("5"):
            return BrokerRefused(
                f"The proxy does not let you through to the broker ({error}).",
                where=where,
                remedy="Ask your IT department to allow HTTPS to this address.",
            )
    return Unreachable(
        f"The broker cannot be reached ({type(error).__name__}).",
        where=where,
        remedy="Check the address and the network; if a proxy is needed, set HTTPS_PROXY to its address."
        " `counterfoil doctor --broker` with the address says more.",
    )


def proxy_wants_sign_in(where: str) -> BrokerRefused:
    return BrokerRefused(
        "The proxy wants a user name and a password (407).",
        where=where,
        remedy="Set HTTPS_PROXY to http://USER:PASSWORD@PROXY:PORT for this window only, or ask your IT department"
        " to let this address through without signing in.",
    )


def _certificate_fault(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _why(fault: ssl.SSLCertVerificationError) -> str:
    """In the system's words, without the name that was asked for."""
    return getattr(fault, "verify_message", "") or "it could not be verified"


def _trust(fault: ssl.SSLCertVerificationError) -> str:
    if getattr(fault, "verify_code", 0) in _CLOCK:
        return "Check this computer's clock first; if it is right, tell the broker's operator."
    return (
        "If your organisation inspects TLS, ask your IT department to put its root certificate into the system's trust"
        " store, or save that certificate as a PEM file and set SSL_CERT_FILE to its path. If it does not, somebody"
        " may be in the way: do not go on. `counterfoil doctor --broker` with the address checks it again."
    )
