"""How the broker listens: with TLS of its own or behind a proxy, at the root of an address or under a prefix of it."""

import ssl
from typing import Any

from keys.passphrase import read_passphrase
from services.broker.errors import BrokerError
from services.broker.settings import Settings


def words_for_uvicorn(settings: Settings) -> dict[str, Any]:
    """Raises ``BrokerError`` where the files of TLS cannot be used.

    A proxy strips the prefix and the server puts it back, so that a request is checked for the path that was signed.
    """
    words: dict[str, Any] = {"root_path": settings.root_path, "server_header": False, "ws": "none"}
    # Without an explicit word the server would trust this machine, or what a variable of its own says.
    words |= {"proxy_headers": bool(settings.trusted_proxies), "forwarded_allow_ips": settings.trusted_proxies}
    context = tls_context(settings)
    if context is not None:
        words["ssl_context_factory"] = lambda _config, _default: context
    return words


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with the certificate of the settings; None if they name none."""
    if settings.tls_certificate is None and settings.tls_key is None and settings.tls_key_passphrase_file is None:
        return None
    if settings.tls_certificate is None or settings.tls_key is None:
        raise BrokerError(
            "TLS needs a certificate and a key.",
            remedy="Set both COUNTERFOIL_BROKER_TLS_CERTIFICATE and COUNTERFOIL_BROKER_TLS_KEY, or none of them.",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Never none, or OpenSSL would ask at the terminal for the passphrase of a key that has one.
    file = settings.tls_key_passphrase_file
    passphrase = b"" if file is None else read_passphrase(file=file).encode()
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=lambda: passphrase)
    except (OSError, ValueError) as error:
        raise BrokerError(
            f"The certificate or key for TLS cannot be used ({type(error).__name__}).",
            where=f"{settings.tls_certificate}, {settings.tls_key}",
            remedy="Both are PEM files that this user can read and that belong together; the passphrase of the key is "
            "in the file that COUNTERFOIL_BROKER_TLS_KEY_PASSPHRASE_FILE names.",
        ) from None
    return context
