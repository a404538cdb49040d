"""Signed requests, their signature base written out as RFC 9421, section 2.5, has it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.vectors.making.case import Case, Folder, without
from tests.vectors.making.cast import ID, STRANGER, party

_REQUEST = Folder("request")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_COVERED = ("@method", "@path", "@query", "content-digest")
_COUNCIL, _BROKER = party("council"), party("broker")
_BODY = '{"note":"made up"}'


@dataclass(frozen=True)
class Signing:
    """A request to sign; any part of it may be unusual."""

    method: str = "POST"
    url: str = f"https://broker.example/v1/agreements/{ID}/log/checkpoint?since=3&entry=4"
    body: str = _BODY
    signer: str = "council"
    named: str | None = None
    """As whose request it is signed, if not the signer's."""
    covered: Sequence[str] = _COVERED
    lifetime: int = 300
    left_out: str = ""
    nonce: str = "bWFkZSB1cCBub25jZQ"
    label: str = "counterfoil"

    def headers(self) -> dict[str, str]:
        digest = base64.b64encode(hashlib.sha256(self.body.encode()).digest()).decode()
        url = urlsplit(self.url)
        values = {
            "@method": self.method,
            "@path": url.path,
            "@query": f"?{url.query}",
            "content-digest": f"sha-256=:{digest}:",
        }
        created = int(NOW.timestamp())
        parameters = {
            "created": str(created),
            "keyid": f'"{party(self.named or self.signer).fingerprint}"',
            "alg": '"ed25519"',
            "expires": str(created + self.lifetime),
            "nonce": f'"{self.nonce}"',
            "tag": f'"counterfoil:{_BROKER.fingerprint}"',
        }
        listed = " ".join(f'"{name}"' for name in self.covered)
        written = f"({listed})" + "".join(
            f";{name}={value}" for name, value in parameters.items() if name != self.left_out
        )
        base = [f'"{name}": {values[name]}' for name in self.covered]
        signature = party(self.signer).signing.sign("\n".join([*base, f'"@signature-params": {written}']).encode())
        return {
            "Content-Digest": values["content-digest"],
            "Signature-Input": f"{self.label}={written}",
            "Signature": f"{self.label}=:{base64.b64encode(signature).decode()}:",
        }

    def sent(self, **changes: Any) -> dict[str, Any]:
        return {
            "method": self.method,
            "url": self.url,
            "headers": self.headers(),
            "body": self.body,
            "broker": _BROKER.fingerprint,
            "cards": [_COUNCIL.card, party("icb").card],
            "now": NOW.isoformat(),
            **changes,
        }


_GOOD = Signing()


def _at(**offset: int) -> dict[str, str]:
    return {"now": (NOW + timedelta(**offset)).isoformat()}


def cases() -> Iterator[Case]:
    signer = {
        "signer": _COUNCIL.fingerprint,
        "nonce": _GOOD.nonce,
        "kept_until": (NOW + timedelta(minutes=7)).isoformat(),
    }
    for name, about, given in (
        ("post", "A request with a body and a query.", _GOOD.sent()),
        (
            "get",
            "A request with no query, which is signed as a question mark, and no body.",
            Signing(method="GET", url=f"https://broker.example/v1/agreements/{ID}", body="").sent(),
        ),
        ("another-label", "The signature may have any label.", Signing(label="sig1").sent()),
        ("no-algorithm", "The algorithm need not be named: there is one only.", Signing(left_out="alg").sent()),
        ("clock-behind", "The sender's clock is two minutes ahead of the reader's.", _GOOD.sent(**_at(minutes=-2))),
        ("just-in-time", "Two minutes after it expired, which a clock may be off.", _GOOD.sent(**_at(minutes=7))),
    ):
        yield _REQUEST.accept(name, about, given, signer)
    yield from _refused()


def _refused() -> Iterator[Case]:
    good = _GOOD.sent()
    headers: Mapping[str, str] = good["headers"]
    second = replace(_GOOD, label="second").headers()
    both = {
        **headers,
        "Signature-Input": f"{headers['Signature-Input']}, {second['Signature-Input']}",
        "Signature": f"{headers['Signature']}, {second['Signature']}",
    }
    for name, about, given in (
        ("another-method", "Sent with another method.", {**good, "method": "PUT"}),
        (
            "another-path",
            "Sent to another path.",
            {**good, "url": good["url"].replace("checkpoint", "countersignatures")},
        ),
        ("another-query", "Sent with another query.", {**good, "url": good["url"].replace("since=3", "since=2")}),
        ("another-body", "Sent with another body.", {**good, "body": '{"note":"changed"}'}),
        (
            "another-body-and-digest",
            "Sent with another body and its digest.",
            {
                **good,
                "body": "{}",
                "headers": {**headers, "Content-Digest": replace(_GOOD, body="{}").headers()["Content-Digest"]},
            },
        ),
        ("another-broker", "Signed for another broker.", {**good, "broker": party(STRANGER).fingerprint}),
        ("unknown-signer", "Signed by somebody whose card is not known.", Signing(signer=STRANGER).sent()),
        (
            "in-the-name-of-another",
            "Signed by somebody else under a party's fingerprint.",
            Signing(signer=STRANGER, named="council").sent(),
        ),
        ("too-early", "More than two minutes before it was made.", {**good, **_at(minutes=-2, seconds=-1)}),
        ("too-late", "More than two minutes after it expired.", {**good, **_at(minutes=7, seconds=1)}),
        ("lives-too-long", "Signed for more than five minutes.", Signing(lifetime=301).sent()),
        ("no-nonce", "Signed without a nonce.", Signing(left_out="nonce").sent()),
        ("no-tag", "Signed for no broker in particular.", Signing(left_out="tag").sent()),
        ("body-not-covered", "The body's digest is not signed.", Signing(covered=_COVERED[:3]).sent()),
        ("two-signatures", "Two signatures, so that it is not clear which counts.", {**good, "headers": both}),
        ("not-signed", "No signature.", {**good, "headers": without(headers, "Signature")}),
    ):
        yield _REQUEST.reject(name, about, given)
