"""The broker's door: signed requests out, answers or clear refusals back."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import truststore

from encoder.errors import BrokerRefused, NothingThere
from keys.canonical import canonical, parse
from keys.errors import KeysError
from keys.identity import Identity
from keys.request import Message, content_digest, digest_header, sign_request

_PART = 1 << 20


class Door:
    """One party at one broker. TLS is checked against the system's trust store; proxies as the system sets them."""

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
        """``broker`` is the fingerprint of the card that the agreement names."""
        self.url = url.rstrip("/")
        self._identity = identity
        self._broker = broker
        self._now = now
        self._random = random
        here = httpx.URL(self.url).host in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(
            verify=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), timeout=timeout, trust_env=not here
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        """The JSON at ``path``. Raises ``BrokerRefused`` with what the broker says, ``NothingThere`` for its 404."""
        return self._json(self._send("GET", path, b"", content_digest(b"")))

    def get_bytes(self, path: str) -> bytes:
        return self._send("GET", path, b"", content_digest(b"")).content

    def post(self, path: str, document: Any) -> Any:
        body = canonical(document)
        return self._json(self._send("POST", path, body, content_digest(body)))

    def put_bytes(self, path: str, body: bytes) -> Any:
        return self._json(self._send("PUT", path, body, content_digest(body)))

    def put_file(self, path: str, file: Path, *, progress: Callable[[int], None] | None = None) -> Any:
        """Stream a file; it is read twice, once for its digest. ``progress`` gets the bytes of each part."""
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()

        def parts() -> Iterator[bytes]:
            with file.open("rb") as stream:
                while part := stream.read(_PART):
                    yield part
                    if progress is not None:
                        progress(len(part))

        headers = {"Content-Length": str(file.stat().st_size)}
        return self._json(self._send("PUT", path, parts(), digest_header(digest), headers=headers))

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
        self, method: str, path: str, body: bytes | Iterator[bytes], digest: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        message = Message(method, self.url + path, {"Content-Digest": digest, **(headers or {})})
        sign_request(message, identity=self._identity, broker=self._broker, now=self._now(), random=self._random)
        try:
            answer = self._http.request(method, message.url, content=body, headers=dict(message.headers))
        except httpx.HTTPError as error:
            raise BrokerRefused(
                f"The broker cannot be reached ({type(error).__name__}).",
                where=self.url,
                remedy="Check the address and the network; if a proxy is needed, set HTTPS_PROXY.",
            ) from None
        if answer.is_success:
            return answer
        raise _refusal(answer, self.url + path)


def _refusal(answer: httpx.Response, where: str) -> BrokerRefused:
    try:
        problem = answer.json()
        what, remedy, kind = str(problem["title"]), str(problem["detail"]), problem.get("type")
    except (ValueError, KeyError, TypeError, AttributeError):
        what = f"The broker answered with status {answer.status_code} and no reason."
        remedy, kind = "Check that the address is that of a Counterfoil broker.", None
    refusal = NothingThere if kind == "urn:counterfoil:problem:not-found" else BrokerRefused
    return refusal(what, where=where, remedy=remedy)
