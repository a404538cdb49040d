"""Who is asking: every request is signed by a party (RFC 9421), and none is taken twice."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from keys.errors import SignatureError
from keys.identity import Card
from keys.request import Message, digest_header, verify_request
from services.broker.errors import Refused, TooLarge, Unauthenticated
from services.broker.front.limits import Limits
from services.broker.office import Office
from services.broker.store import nonces

SMALL_BODY = 1 << 20
"""An agreement of some two hundred holders; everything else is far smaller."""


@dataclass(frozen=True)
class Signed:
    """A request whose signature and body digest have been checked."""

    caller: str
    """Fingerprint of the signer's card."""
    body: bytes


def office_of(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


def located(request: Request, path: str) -> str:
    """A path of this broker as the caller must write it."""
    return f"{request.scope.get('root_path', '')}{path}"


async def counted(request: Request) -> None:
    """Count a request that needs no signature, or whose signature cannot be checked at once, for its address.

    Raises ``RateLimited``.
    """
    limits: Limits = request.app.state.limits
    limits.admit_stranger(request.client.host if request.client else "", now=office_of(request).now().timestamp())


async def signed(request: Request) -> Signed:
    """For all but agreements and uploads: checks who asks, then reads a small body and checks it."""
    caller = await known(request)
    return Signed(caller, b"".join([part async for part in stream_body(request, SMALL_BODY)]))


async def known(request: Request) -> str:
    """The fingerprint of the party of any agreement here that asks; one that is not counts for its address. Raises
    ``Unauthenticated``, ``RateLimited``."""
    office = office_of(request)
    try:
        return await run_in_threadpool(authenticate, request, office, office.card)
    except Unauthenticated:
        await counted(request)
        raise


def authenticate(request: Request, office: Office, card_of: Callable[[str], Card | None]) -> str:
    """The signer's fingerprint, for whom the request counts. Raises ``Unauthenticated``, ``RateLimited``. Does not look
    at the body."""
    fingerprint = _signer(request, office, card_of)
    limits: Limits = request.app.state.limits
    limits.admit_party(fingerprint, now=office.now().timestamp())
    return fingerprint


def _signer(request: Request, office: Office, card_of: Callable[[str], Card | None]) -> str:
    """Whose valid signature it is that has not been seen before: only this party's own requests count as its own."""
    message = Message(request.method, str(request.url), dict(request.headers))
    try:
        signer = verify_request(message, broker=office.identity.card.fingerprint, card_of=card_of, now=office.now())
    except SignatureError as error:
        raise Unauthenticated(error.what, remedy=error.remedy) from None
    with office.store.transaction("remember nonce") as connection:
        fresh = nonces.remember(
            connection,
            signer.fingerprint,
            signer.nonce,
            expires_at=signer.kept_until.isoformat(),
            now=office.now().isoformat(),
        )
    if not fresh:
        raise Unauthenticated(
            "This very request has been received before.", remedy="Sign a new request instead of repeating one."
        )
    return signer.fingerprint


async def stream_body(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body in parts; checked against the signed digest at its end, so use nothing before that."""
    hashed = hashlib.sha256()
    async for part in _limited(request, limit):
        hashed.update(part)
        yield part
    _check_digest(request, hashed.digest())


async def _limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLarge(
                f"The body is larger than the {limit:,} bytes that it may have.",
                remedy="Use a current version of the tool.",
            )
        yield part


def _check_digest(request: Request, sha256: bytes) -> None:
    if "content-digest" not in request.headers:
        raise Unauthenticated("The request is not signed.", remedy="Use the tool, and an identity that is a party.")
    if not hmac.compare_digest(request.headers["content-digest"].encode(), digest_header(sha256).encode()):
        raise Refused("The body is not the one that was signed.", remedy="Send the request again.")
