"""A small key vault that does its work: RSA keys in versions, requests over TLS, tokens that it gave out itself."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.tls import Authority

TENANT, CLIENT = "tenant", "client"
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


@dataclass
class Vault:
    """Keys answer at ``address``; tokens come from ``door`` (for the vault) or, in exchange, from the vault's host."""

    address: str = ""
    door: str = ""
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    """What the next requests for keys are answered with, in place of the work."""
    asked: list[str] = field(default_factory=list)
    assertion: str = field(default_factory=lambda: secrets.token_hex(16))
    header: str = field(default_factory=lambda: secrets.token_hex(16))

    def rotate(self) -> str:
        """A new version of the key."""
        version = secrets.token_hex(8)
        self.keys[version] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return version

    def token(self) -> dict[str, Any]:
        token = secrets.token_hex(16)
        self.tokens.add(token)
        return {"access_token": token, "token_type": "Bearer", "expires_in": "3599"}

    def work(self, path: str, authorization: str, body: dict[str, Any]) -> tuple[int, Any]:
        if self.answers:
            return self.answers.pop(0)
        if authorization.removeprefix("Bearer ") not in self.tokens:
            return 401, {"error": {"code": "Unauthorized"}}
        name, operation = path.removeprefix("/keys/broker").strip("/").rpartition("/")[::2]
        version = name or next(reversed(self.keys))
        if version not in self.keys:
            return 404, {"error": {"code": "KeyNotFound"}}
        key, value = self.keys[version], _decode(body["value"])
        made = key.public_key().encrypt(value, _OAEP) if operation == "wrapkey" else key.decrypt(value, _OAEP)
        return 200, {"kid": f"{self.address}/{version}", "value": _encode(made)}


@contextmanager
def vault(folder: Path) -> Iterator[tuple[Vault, Authority]]:
    """A running one with one version of its key, and the authority that its certificate is from."""
    it, authority = Vault(), Authority(folder, "vault")
    it.rotate()

    class Keys(_Handler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            parts = urlsplit(self.path)
            it.asked.append(parts.path)
            if parts.path == f"/{TENANT}/oauth2/v2.0/token":
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                right = form["client_id"] == CLIENT and form["client_assertion"] == it.assertion
                right = right and form["scope"] == "https://vault.azure.net/.default"
                self.answer(*(200, it.token()) if right else (401, {"error": "invalid_client"}))
            else:
                assert parse_qs(parts.query) == {"api-version": ["7.4"]}
                self.answer(*it.work(parts.path, self.headers["Authorization"], json.loads(body)))

    class Door(_Handler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            words = {name: values[0] for name, values in parse_qs(parts.query).items()}
            it.asked.append(parts.path)
            known = self.headers["X-IDENTITY-HEADER"] == it.header or self.headers["Metadata"] == "true"
            right = known and words["resource"] == "https://vault.azure.net"
            self.answer(*(200, it.token()) if right else (400, {"error": "invalid_request"}))

    with ExitStack() as stack:
        keys, door = (stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), one)) for one in (Keys, Door))
        keys.socket = authority.context("127.0.0.1").wrap_socket(keys.socket, server_side=True)
        it.address = f"https://127.0.0.1:{keys.server_port}/keys/broker"
        it.door = f"http://127.0.0.1:{door.server_port}"
        for server in (keys, door):
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
        yield it, authority


class _Handler(BaseHTTPRequestHandler):
    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
