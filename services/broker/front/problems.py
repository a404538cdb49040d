"""The one place where an error becomes an RFC 9457 problem."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from structlog.contextvars import get_contextvars

from keys.errors import AgreementError, CounterfoilError, EnvelopeError, IdentityError, KeysError, SignatureError
from matcher.errors import FloodError, MatcherError
from services.broker import errors
from services.broker.front.problem_types import KINDS, Kind
from services.broker.patience import no_room

TYPES: dict[type[CounterfoilError], Kind] = {
    errors.NotFound: KINDS["not-found"],
    errors.Unauthenticated: KINDS["unauthenticated"],
    errors.Conflict: KINDS["conflict"],
    errors.Gone: KINDS["gone"],
    errors.RateLimited: KINDS["rate-limited"],
    errors.NotReady: KINDS["not-ready"],
    errors.DatabaseAway: KINDS["database-away"],
    errors.StorageAway: KINDS["storage-away"],
    errors.BeingChecked: KINDS["being-checked"],
    errors.TooLarge: KINDS["too-large"],
    errors.Refused: KINDS["refused"],
    AgreementError: KINDS["agreement-refused"],
    EnvelopeError: KINDS["envelope-refused"],
    SignatureError: KINDS["signature-refused"],
    IdentityError: KINDS["document-refused"],
    KeysError: KINDS["document-refused"],
}
"""The type of every error that an answer may carry; the first that fits counts."""


_FULL = "The broker's disk is full."


def problem(
    kind: str, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    """An answer of a type in ``KINDS``, with the id of the request that it answers."""
    found = KINDS[kind]
    body = {"type": found.type, "title": title, "status": found.status, "detail": detail, **members}
    body["request_id"] = get_contextvars().get("request_id")
    asked = {} if found.retry_seconds is None else {"Retry-After": str(found.retry_seconds)}
    return JSONResponse(body, found.status, {**asked, **(headers or {})}, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every error of ours, of the framework and any other as a problem that tells no more than it may."""

    @app.exception_handler(CounterfoilError)
    async def ours(_request: Request, error: CounterfoilError) -> JSONResponse:
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        return problem("invalid-request", f"The request is not valid: {fields}.", "Use a current version of the tool.")

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> JSONResponse:
        return problem("connection-cut", "The connection was cut.", "Send the request again.")  # nobody is there

    @app.exception_handler(HTTPException)
    async def framework(_request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return problem_of(errors.NotFound())
        kind = "method-not-allowed" if error.status_code == 405 else "bad-request"
        return problem(kind, str(error.detail), "Use a current version of the tool.", headers=error.headers)


def problem_of(error: CounterfoilError) -> JSONResponse:
    """What is answered to an error of ours."""
    if no_room(error):
        return unexpected(error)
    if isinstance(error, errors.RateLimited):
        asked = {"Retry-After": str(error.seconds)}
        return problem("rate-limited", error.what, error.remedy, headers=asked, retry_after=error.seconds)
    if isinstance(error, errors.NotReady):
        return problem("not-ready", error.what, error.remedy, failing=error.failing)
    for kind, found in TYPES.items():
        if isinstance(error, kind):
            return problem(found.name, error.what, error.remedy)
    return unexpected(error)


def unexpected(error: Exception) -> JSONResponse:
    """What is answered to an error that nobody foresaw."""
    if no_room(error):
        return problem("no-room", _FULL, "Ask its operator to make room, then try again.")
    return problem("internal", "The broker could not do this.", "Ask its operator to read the log.")


_OF_MATCHER: dict[type[MatcherError], tuple[str, str]] = {
    FloodError: (
        "More pairs of rows are alike than the broker's memory for a run holds.",
        "Ask the broker's operator for more memory, or agree on fewer chance pairs per row or a higher floor.",
    ),
    MatcherError: (
        "The uploads cannot be compared in the way that the agreement says.",
        "Make a new agreement with longer encodings, or with more chance pairs per row.",
    ),
}
"""In these words because the matcher's own say how many rows and pairs there are; the first that fits counts."""


def as_problem(error: CounterfoilError) -> dict[str, Any]:
    """What a failed run says of its error, to every party."""
    if no_room(error):
        return {"what": _FULL, "remedy": "Ask its operator to make room, then start another run."}
    for kind, (what, remedy) in _OF_MATCHER.items():
        if isinstance(error, kind):
            return {"what": what, "remedy": remedy}
    return {"what": error.what, "remedy": error.remedy}
