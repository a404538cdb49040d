"""Access tokens of the broker's managed identity, from whichever of Azure's three doors this machine has.

| what the environment has | where the token comes from |
|---|---|
| AZURE_FEDERATED_TOKEN_FILE | Kubernetes: the pod's own token is exchanged (workload identity) |
| IDENTITY_ENDPOINT | Container Apps, App Service: an endpoint inside the container |
| neither | virtual machines: the instance metadata service, at its fixed address |

No door takes a password. A token is asked for when it is needed, and kept nowhere.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import truststore

from services.broker.identity.vault import VaultError

_METADATA = "http://169.254.169.254"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def token_from(environment: Mapping[str, str], audience: str) -> str:
    """Raises ``VaultError``. What the environment holds is in none of its errors."""
    try:
        if "AZURE_FEDERATED_TOKEN_FILE" in environment:
            answer = _exchange(environment, audience)
        elif "IDENTITY_ENDPOINT" in environment:
            answer = _ask_endpoint(environment, audience)
        else:
            answer = _ask_metadata(environment, audience)
        document: Any = answer.json() if answer.is_success else {}
        token = document["access_token"]
    except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError) as error:
        raise VaultError(
            f"This machine gives the broker no token for the vault ({type(error).__name__}).",
            remedy="Give it a managed identity; with several, name the one to use as AZURE_CLIENT_ID.",
        ) from None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise VaultError("The token for the vault is not one.", remedy="Look at this machine's managed identity.")
    return token


def _exchange(environment: Mapping[str, str], audience: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": environment["AZURE_CLIENT_ID"],
        "scope": f"{audience}/.default",
        "client_assertion_type": _ASSERTION,
        "client_assertion": Path(environment["AZURE_FEDERATED_TOKEN_FILE"]).read_text(encoding="ascii").strip(),
    }
    authority = environment["AZURE_AUTHORITY_HOST"].rstrip("/")
    url = httpx.URL(f"{authority}/{environment['AZURE_TENANT_ID']}/oauth2/v2.0/token")
    if url.scheme != "https":
        raise ValueError("a token goes nowhere without TLS")
    with httpx.Client(verify=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), timeout=20.0) as http:
        return http.post(url, data=form)


def _ask_endpoint(environment: Mapping[str, str], audience: str) -> httpx.Response:
    return _get(
        environment["IDENTITY_ENDPOINT"],
        {"api-version": "2019-08-01", "resource": audience, **_which(environment)},
        {"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
    )


def _ask_metadata(environment: Mapping[str, str], audience: str) -> httpx.Response:
    base = environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", _METADATA).rstrip("/")
    words = {"api-version": "2018-02-01", "resource": audience, **_which(environment)}
    return _get(f"{base}/metadata/identity/oauth2/token", words, {"Metadata": "true"})


def _which(environment: Mapping[str, str]) -> dict[str, str]:
    return {"client_id": environment["AZURE_CLIENT_ID"]} if "AZURE_CLIENT_ID" in environment else {}


def _get(url: str, words: Mapping[str, str], headers: Mapping[str, str]) -> httpx.Response:
    """From this machine itself, so past every proxy."""
    with httpx.Client(trust_env=False, timeout=20.0) as http:
        return http.get(url, params=dict(words), headers=dict(headers))
