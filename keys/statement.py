"""Signed statements: one JSON form for all that a party declares (signatures, keys, receipts, approvals)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keys.canonical import canonical
from keys.errors import IdentityError, SignatureError
from keys.identity import Card, Identity
from keys.receiving import decode, encode


@dataclass(frozen=True)
class Statement:
    """``body`` as declared under ``kind`` by the party whose card has the fingerprint ``signer``."""

    kind: str
    body: Mapping[str, Any]
    signer: str
    signature: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "body": dict(self.body),
            "signer": self.signer,
            "signature": encode(self.signature),
        }

    @classmethod
    def from_json(cls, document: Any) -> Statement:
        """Raises ``SignatureError`` when the document is not a statement; checks no signature."""
        fits = (
            isinstance(document, Mapping)
            and set(document) == {"kind", "body", "signer", "signature"}
            and isinstance(document["kind"], str)
            and isinstance(document["body"], Mapping)
            and isinstance(document["signer"], str)
        )
        try:
            signature = decode(document["signature"]) if fits else b""
        except IdentityError:
            signature = b""
        if not signature:
            raise SignatureError("This is not a signed statement.", remedy="Ask the sender to send it again.")
        return cls(document["kind"], document["body"], document["signer"], signature)

    def verify(self, card: Card, *, kind: str) -> Mapping[str, Any]:
        """The body, if ``card`` signed it as a statement of this ``kind``. Raises ``SignatureError``."""
        if self.signer != card.fingerprint or self.kind != kind:
            raise SignatureError(
                f"A statement is not of the kind {kind}, or not by {card.name}.",
                remedy="Ask the sender to send it again.",
            )
        card.verify(self.signature, canonical(dict(self.body)), label=f"statement/{kind}")
        return self.body


def declare(identity: Identity, kind: str, body: Mapping[str, Any]) -> Statement:
    """Sign ``body`` (JSON values) as a statement of ``kind``."""
    signature = identity.sign(canonical(dict(body)), label=f"statement/{kind}")
    return Statement(kind, body, identity.card.fingerprint, signature)
