"""A small object storage that speaks S3 over HTTP: a bucket in memory, signatures checked, whole objects only.

It knows the requests that the broker's storage makes and refuses any other, so a new one shows.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

BUCKET, REGION, KEY_ID, SECRET = "uploads", "eu-west-2", "AKIATEST", "made-up/secret+key"
PAGE = 5
"""Names in one answer to a listing, so that there are several."""


@dataclass
class Bucket:
    """What is kept, by name; ``asked`` is every request: method, query, status."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    room: int = 1 << 40
    """Bytes that it takes at most; beyond that it is full."""
    away: bool = False
    """Out of order: every request is answered with 503."""

    def options(self, file: Path, secret: str = SECRET) -> Path:
        """A file of options with which the broker reaches it."""
        values = {"endpoint": self.url, "region": REGION, "access_key_id": KEY_ID, "secret_access_key": secret}
        file.touch(mode=0o600)
        file.write_text("".join(f'{name} = "{value}"\n' for name, value in values.items()) + "allow_http = true\n")
        return file

    def answer(self, method: str, name: str, query: dict[str, str], body: bytes, span: str) -> tuple[int, bytes]:
        with self.lock:
            if method == "PUT" and self._used() + len(body) > self.room:
                return 507, _xml("Error", "<Code>StorageFull</Code>")
            if "uploadId" in query or "uploads" in query:
                return self._in_parts(method, name, query, body)
            match method, sorted(query):
                case "PUT", []:
                    self.objects[name] = body
                case "POST", ["delete"]:
                    keys = re.findall("<Key>.*?</Key>", body.decode())
                    for key in keys:
                        self.objects.pop(unescape(key[5:-6]), None)
                    return 200, _xml("DeleteResult", "".join(f"<Deleted>{key}</Deleted>" for key in keys))
                case "DELETE", []:
                    self.objects.pop(name, None)
                    return 204, b""
                case (("GET" | "HEAD"), []) if name:
                    return self._read(name, span)
                case "GET", _ if not name and query.get("list-type") == "2":
                    return 200, self._list(query)
                case _:
                    return 501, b""
            return 200, b""

    def _in_parts(self, method: str, name: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        match method, sorted(query):
            case "POST", ["uploads"]:
                number = secrets.token_hex(4)
                self.uploads[number] = {}
                text = f"<Bucket>{BUCKET}</Bucket><Key>{escape(name)}</Key><UploadId>{number}</UploadId>"
                return 200, _xml("InitiateMultipartUploadResult", text)
            case "PUT", ["partNumber", "uploadId"]:
                self.uploads[query["uploadId"]][int(query["partNumber"])] = body
                return 200, b""
            case "POST", ["uploadId"]:
                parts = self.uploads.pop(query["uploadId"])
                self.objects[name] = b"".join(parts[number] for number in sorted(parts))
                return 200, _xml("CompleteMultipartUploadResult", f"<ETag>{_etag(self.objects[name])}</ETag>")
            case "DELETE", ["uploadId"]:
                self.uploads.pop(query["uploadId"], None)
                return 204, b""
        return 501, b""

    def _used(self) -> int:
        parts = (part for upload in self.uploads.values() for part in upload.values())
        return sum(map(len, (*self.objects.values(), *parts)))

    def _read(self, name: str, span: str) -> tuple[int, bytes]:
        if name not in self.objects:
            return 404, _xml("Error", "<Code>NoSuchKey</Code>")
        if found := re.fullmatch(r"bytes=(\d+)-(\d+)", span):
            return 206, self.objects[name][int(found[1]) : int(found[2]) + 1]
        return 200, self.objects[name]

    def _list(self, query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token", "")
        found: dict[str, str] = {}
        for name in sorted(self.objects):
            if not name.startswith(prefix):
                continue
            head, cut, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
            if cut:
                folder = prefix + head + cut
                found[folder] = f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
            else:
                size, etag = len(self.objects[name]), _etag(self.objects[name])
                found[name] = (
                    f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                    f"<ETag>{etag}</ETag><Size>{size}</Size></Contents>"
                )
        names = [name for name in sorted(found) if name > after]
        token = f"<NextContinuationToken>{escape(names[PAGE - 1])}</NextContinuationToken>" if names[PAGE:] else ""
        text = "".join(found[name] for name in names[:PAGE])
        return _xml("ListBucketResult", f"<IsTruncated>{str(bool(token)).lower()}</IsTruncated>{token}{text}")


@contextmanager
def s3_server() -> Iterator[Bucket]:
    """Serve a bucket on a port of this machine until the end of the block."""
    bucket = Bucket()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            name = unquote(address.path).removeprefix(f"/{BUCKET}").lstrip("/")
            query = dict(parse_qsl(address.query, keep_blank_values=True))
            status, data = 403, _xml("Error", "<Code>SignatureDoesNotMatch</Code>")
            if bucket.away:
                status, data = 503, _xml("Error", "<Code>ServiceUnavailable</Code>")
            elif _signed(self.command, address.path, query, dict(self.headers.items()), body):
                status, data = bucket.answer(self.command, name, query, body, self.headers.get("range", ""))
            bucket.asked.append((self.command, address.query, status))
            self.send_response(status)
            self.send_header("ETag", _etag(bucket.objects.get(name, data)))
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            if status == 206:
                first = int(self.headers["range"].removeprefix("bytes=").split("-")[0])
                whole = len(bucket.objects[name])
                self.send_header("Content-Range", f"bytes {first}-{first + len(data) - 1}/{whole}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do  # noqa: N815 - as the library calls them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        bucket.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serving.start()
        try:
            yield bucket
        finally:
            server.shutdown()
            serving.join()


def _signed(method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> bool:
    """AWS Signature Version 4, and that the body is the one that was signed."""
    lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)",
        lower.get("authorization", ""),
    )
    if not found or found[1] != KEY_ID or found[3] != REGION:
        return False
    digest = lower["x-amz-content-sha256"]
    if digest not in (hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"):
        return False
    asked = "&".join(f"{quote(name, '-_.~')}={quote(value, '-_.~')}" for name, value in sorted(query.items()))
    signed = "".join(f"{name}:{lower[name]}\n" for name in found[4].split(";"))
    canonical = "\n".join((method, path, asked, signed, found[4], digest))
    scope = f"{found[2]}/{REGION}/s3/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", lower["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = b"AWS4" + SECRET.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), found[5])


def _etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def _xml(name: str, text: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{name}>{text}</{name}>'.encode()
