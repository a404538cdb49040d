"""Signed HTTP requests: RFC 9421 with Ed25519 over method, path, query and Content-Digest.

``keyid`` is the sender's card fingerprint, ``tag`` names the broker it is meant for, ``nonce`` makes it unique:
a request can be replayed neither here nor at another broker. There are no passwords and no bearer tokens.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)

from keys.errors import SignatureError
from keys.identity import Card, Identity
from keys.receiving import encode

COVERED = ("@method", "@path", "@query", "content-digest")
LIFETIME = timedelta(minutes=5)
CLOCK_SKEW = timedelta(minutes=2)


@dataclass
class Message:
    """An HTTP request as the signature sees it."""

    method: str
    url: str
    headers: MutableMapping[str, str]


@dataclass(frozen=True)
class Signer:
    """Who signed a request that verified, and the nonce to remember until it cannot verify any more."""

    fingerprint: str
    nonce: str
    kept_until: datetime


def tag_of(broker: str) -> str:
    return f"counterfoil:{broker}"


def content_digest(data: bytes) -> str:
    """The RFC 9530 ``Content-Digest`` value (SHA-256) of a body."""
    return digest_header(hashlib.sha256(data).digest())


def digest_header(sha256: bytes) -> str:
    """The ``Content-Digest`` value for a body whose SHA-256 is known already."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def sha256_in(header: str) -> bytes:
    """The SHA-256 in a ``Content-Digest`` value that has been checked."""
    return base64.b64decode(header.removeprefix("sha-256=:").removesuffix(":"), validate=True)


def sign_request(
    message: Message, *, identity: Identity, broker: str, now: datetime, random: Callable[[int], bytes]
) -> None:
    """Add ``Signature-Input`` and ``Signature``; ``message.headers`` must hold ``Content-Digest``."""
    signer = HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519, key_resolver=_Keys(private=identity.signing_key())
    )
    signer.sign(
        message,
        key_id=identity.card.fingerprint,
        created=now,
        expires=now + LIFETIME,
        nonce=encode(random(16)),
        label="counterfoil",
        tag=tag_of(broker),
        covered_component_ids=COVERED,
        use_existing_digest=True,
    )


def verify_request(message: Message, *, broker: str, card_of: Callable[[str], Card | None], now: datetime) -> Signer:
    """Who signed ``message``. The caller still checks the body against ``Content-Digest`` and the nonce.

    ``card_of`` finds a card by fingerprint. Raises ``SignatureError`` for a missing, foreign, stale or wrong
    signature; a clock that is off by more than two minutes is named as such.
    """
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(card_of=card_of))
    verifier.max_clock_skew = timedelta(days=36500)
    try:
        (result,) = verifier.verify(message, max_age=None, expect_tag=tag_of(broker), require_components=COVERED)
        created = _moment(result.parameters["created"])
        expires = _moment(result.parameters["expires"])
        nonce = result.parameters["nonce"]
        fingerprint = result.parameters["keyid"]
    except (InvalidSignature, ValueError, KeyError):
        raise SignatureError(
            "The request is not signed by a party that this broker knows.",
            remedy="Use the identity whose card is in the agreement, and the address of that broker.",
        ) from None
    if expires - created > LIFETIME:
        raise SignatureError(
            f"The request is signed for longer than {LIFETIME.seconds // 60} minutes.",
            remedy="Use a current version of the tool.",
        )
    if created > now + CLOCK_SKEW or expires < now - CLOCK_SKEW:
        offset = round((created - now).total_seconds())
        raise SignatureError(
            f"The request's clock is {abs(offset)} seconds {'ahead of' if offset > 0 else 'behind'} the broker's.",
            remedy="Set this computer's clock, then try again.",
        )
    if not isinstance(nonce, str) or not 16 <= len(nonce) <= 64 or not isinstance(fingerprint, str):
        raise SignatureError("The request's nonce is not valid.", remedy="Use a current version of the tool.")
    return Signer(fingerprint, nonce, expires + CLOCK_SKEW)


class _Keys(HTTPSignatureKeyResolver):
    def __init__(
        self,
        *,
        private: Ed25519PrivateKey | None = None,
        card_of: Callable[[str], Card | None] | None = None,
    ) -> None:
        self._private = private
        self._card_of = card_of

    def resolve_private_key(self, key_id: str) -> Any:
        return self._private

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        card = self._card_of(key_id) if self._card_of else None
        return card.public_key() if card else None


def _moment(value: Any) -> datetime:
    return datetime.fromtimestamp(value, tz=UTC)
