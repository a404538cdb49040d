"""The broker's door: signed requests out, answers or clear refusals back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import httpx

from encoder.errors import BrokerRefused, NothingThere, Unreachable
from encoder.network import broker_address, open_client, proxy_wants_sign_in, unreachable
from keys.canonical import canonical, parse
from keys.errors import KeysError
from keys.identity import Identity
from keys.request import Message, content_digest, sign_request

_LATER = frozenset({408, 429, 502, 503, 504})
"""Statuses of a broker, or of a proxy before it, that is busy or away."""
_PAUSE_SECONDS = 1.0
"""Before asking again, where the other side does not say."""


@dataclass(frozen=True)
class Pending:
    """What was asked for is not done yet: ask again after so many seconds."""

    seconds: float


class Door:
    """One party at one broker, over HTTPS (HTTP only on this computer)."""

    def __init__(
        self,
        url: str,
        *,
        identity: Identity,
        broker: str,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
        timeout: float = 60.0,
    ) -> None:
        """``broker`` is the fingerprint of the card that the agreement names. Raises ``InputError`` for an address that
        cannot be a broker's."""
        self.url = broker_address(url)
        self._identity = identity
        self._broker = broker
        self._now = now
        self._random = random
        self._http = open_client(self.url, timeout=timeout)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        """The JSON at ``path``. Raises ``BrokerRefused`` with what the broker says, ``NothingThere`` for its 404,
        ``Unreachable`` if no broker answers."""
        return self._json(self._send("GET", path, b""))

    def get_bytes(self, path: str) -> bytes:
        return self._send("GET", path, b"").content

    def post(self, path: str, document: Any) -> Any:
        return self._json(self._send("POST", path, canonical(document)))

    def put(self, path: str, document: Any) -> Any:
        return self.put_bytes(path, canonical(document))

    def put_bytes(self, path: str, body: bytes) -> Any:
        return self._json(self._send("PUT", path, body))

    def outcome(self, method: Literal["GET", "POST"], path: str, *, wait: int) -> Any:
        """The JSON of what may take long: ``Pending`` if it is not there after ``wait`` seconds (RFC 7240)."""
        body = canonical({}) if method == "POST" else b""
        answer = self._send(method, path, body, {"Prefer": f"respond-async, wait={wait}"})
        if answer.status_code == httpx.codes.ACCEPTED:
            return Pending(_seconds(answer.headers.get("retry-after", "")) or _PAUSE_SECONDS)
        return self._json(answer)

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return parse(answer.content, where=self.url)
        except KeysError:
            raise BrokerRefused(
                "What answered is not a broker.",
                where=self.url,
                remedy="Check the address; a proxy may want you to sign in first.",
            ) from None

    def _send(
        self, method: str, path: str, body: bytes, more: Mapping[str, str] = MappingProxyType({})
    ) -> httpx.Response:
        message = Message(method, self.url + path, {"Content-Digest": content_digest(body)})
        sign_request(message, identity=self._identity, broker=self._broker, now=self._now(), random=self._random)
        try:
            answer = self._http.request(method, message.url, content=body, headers={**message.headers, **more})
        except httpx.HTTPError as error:
            raise unreachable(error, where=self.url) from None
        if answer.is_success:
            return answer
        raise _refusal(answer, self.url + path)


def _refusal(answer: httpx.Response, where: str) -> BrokerRefused:
    if answer.status_code == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        return proxy_wants_sign_in(where)
    try:
        problem = answer.json()
        what, remedy, kind = str(problem["title"]), str(problem["detail"]), problem.get("type")
    except (ValueError, KeyError, TypeError, AttributeError):
        what = f"What answered did so with status {answer.status_code} and no reason."
        remedy = (
            "Check that the address is that of a Counterfoil broker; a proxy may be in the way, or want you to sign"
        )
        remedy, kind = f"{remedy} in first: open the address in a browser.", None
    if answer.status_code in _LATER:
        return Unreachable(
            what,
            where=where,
            remedy=remedy,
            retry_after=_seconds(answer.headers.get("retry-after", "")),
            too_many=answer.status_code == httpx.codes.TOO_MANY_REQUESTS,
        )
    refusal = NothingThere if kind == "urn:counterfoil:problem:not-found" else BrokerRefused
    return refusal(what, where=where, remedy=remedy)


def _seconds(retry_after: str) -> float | None:
    """RFC 9110, 10.2.3, but for the form with a date, which depends on two clocks."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
