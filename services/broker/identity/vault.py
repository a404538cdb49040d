"""A key of an Azure Key Vault that wraps the key of the broker's identity: two requests over its REST interface.

1. The vault is the one that the operator named. A file that names another is refused before anything is sent: a token
   for vaults must not go to whoever can write a file.
2. What the vault answers counts only if it is about that key, and in the right form.
3. Neither a token nor a key is in an error, a log or a ``repr``.
4. A vault that is busy, or not there for a moment, is asked again; one that refuses is not.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import truststore

from keys.errors import KeysError
from keys.receiving import decode, encode
from keys.wrapped import ALGORITHM, Wrapped
from services.broker.errors import BrokerError

API_VERSION = "7.4"
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try."""
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_ADDRESS = re.compile(r"https://[A-Za-z0-9.:-]+/keys/[A-Za-z0-9-]+(/[A-Za-z0-9]+)?")


class VaultError(BrokerError):
    """The vault does not do what the broker needs of it."""


@dataclass(frozen=True)
class VaultKey:
    """One key: ``address`` is ``https://NAME.vault.azure.net/keys/KEY``; every version of it may unwrap.

    ``token`` gives an access token for an audience, ``sleep`` waits for seconds.
    """

    address: str
    token: Callable[[str], str] = field(repr=False)
    sleep: Callable[[float], None] = field(repr=False)

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.address):
            raise VaultError(
                "This is not the address of a key of a vault.",
                where=self.address,
                remedy="Give it as https://NAME.vault.azure.net/keys/KEY.",
            )

    @property
    def audience(self) -> str:
        host = httpx.URL(self.address).host
        return "https://managedhsm.azure.net" if host.endswith(".managedhsm.azure.net") else "https://vault.azure.net"

    def wrap(self, key: bytes) -> Wrapped:
        """``key`` wrapped by the newest version of the vault's key. Raises ``VaultError``."""
        name, value = self._ask(self.address, "wrapkey", key)
        return Wrapped(name, value)

    def unwrap(self, wrapped: Wrapped) -> bytes:
        """Raises ``VaultError``, also for something that another key has wrapped."""
        if not self._is_mine(wrapped.key):  # 1
            raise VaultError(
                "The identity is locked with a key other than the one that this broker is told to use.",
                where=self.address,
                remedy="Set COUNTERFOIL_BROKER_VAULT_KEY to the key that it was locked with, if you trust that one.",
            )
        _, value = self._ask(wrapped.key, "unwrapkey", wrapped.sealed)
        return value

    def _is_mine(self, name: str) -> bool:
        bare = "/".join(self.address.lower().split("/")[:5])
        return bool(_ADDRESS.fullmatch(name)) and "/".join(name.lower().split("/")[:5]) == bare

    def _ask(self, key: str, operation: str, value: bytes) -> tuple[str, bytes]:
        answer = self._send(key, operation, {"alg": ALGORITHM, "value": encode(value)})
        if answer.status_code in (401, 403):
            raise VaultError(
                f"The vault does not let this broker use its key ({answer.status_code}).",
                where=key,
                remedy="Give the broker's managed identity the role Key Vault Crypto Service Encryption User on this "
                "key, and let its network reach the vault.",
            )
        if answer.status_code == 404:
            raise VaultError(
                "The vault has no such key, or no longer this version of it.",
                where=key,
                remedy="Check the address; recover the key if it was deleted. Without it the identity is lost.",
            )
        if not answer.is_success:
            raise VaultError(
                f"The vault answers {answer.status_code}.", where=key, remedy="Look at its state, and try again."
            )
        try:
            document: Any = answer.json()
            name, made = document["kid"], decode(document["value"])
        except (ValueError, KeyError, TypeError, KeysError):
            name, made = "", b""
        if not made or not isinstance(name, str) or not self._is_mine(name):  # 2
            raise VaultError(
                "What answers at the vault's address does not answer as a vault.",
                where=key,
                remedy="Check the address, and what stands between this broker and the vault.",
            )
        return name, made

    def _send(self, key: str, operation: str, body: dict[str, str]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(self.audience)}"}
        url = f"{key}/{operation}?api-version={API_VERSION}"
        with httpx.Client(verify=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), timeout=20.0) as http:
            for pause in (*PAUSES, None):  # 4
                try:
                    answer = http.post(url, headers=headers, json=body)
                except httpx.TransportError as error:
                    if pause is None:
                        raise VaultError(
                            f"The vault cannot be reached ({type(error).__name__}).",
                            where=key,
                            remedy="Check the network, the vault's private endpoint and its name in DNS.",
                        ) from None
                else:
                    if answer.status_code not in _BUSY or pause is None:
                        return answer
                self.sleep(pause)
        raise AssertionError("the last try returns or raises")
