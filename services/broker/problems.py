"""The one place where an error becomes an RFC 9457 problem."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from keys.errors import AgreementError, CounterfoilError, EnvelopeError, IdentityError, KeysError, SignatureError
from matcher.errors import FloodError, MatcherError
from services.broker import errors
from services.broker.patience import no_room

TYPES: dict[type[CounterfoilError], tuple[int, str]] = {
    errors.NotFound: (404, "not-found"),
    errors.Unauthenticated: (401, "unauthenticated"),
    errors.Conflict: (409, "conflict"),
    errors.Gone: (410, "gone"),
    errors.TooLarge: (413, "too-large"),
    errors.DatabaseAway: (503, "database-away"),
    errors.StorageAway: (503, "storage-away"),
    errors.BeingChecked: (503, "being-checked"),
    errors.Refused: (422, "refused"),
    AgreementError: (422, "agreement-refused"),
    EnvelopeError: (422, "envelope-refused"),
    SignatureError: (422, "signature-refused"),
    IdentityError: (422, "document-refused"),
    KeysError: (422, "document-refused"),
}
"""Status and type of every error that an answer may carry; the first that fits counts."""


_FULL = "The broker's disk is full."
_AFTER_SECONDS = {"being-checked": 60}
_AWAY_SECONDS = 5
"""After which a caller may come again where 503 is answered."""


def problem(status: int, kind: str, title: str, detail: str) -> JSONResponse:
    body = {"type": f"urn:counterfoil:problem:{kind}", "title": title, "status": status, "detail": detail}
    headers = {"Retry-After": str(_AFTER_SECONDS.get(kind, _AWAY_SECONDS))} if status == 503 else None
    return JSONResponse(body, status_code=status, headers=headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every error of ours, of the framework and any other as a problem that tells no more than it may."""

    @app.exception_handler(CounterfoilError)
    async def ours(_request: Request, error: CounterfoilError) -> JSONResponse:
        if no_room(error):
            return _unexpected(error)
        for kind, (status, name) in TYPES.items():
            if isinstance(error, kind):
                return problem(status, name, error.what, error.remedy)
        return problem(500, "internal", "The broker could not do this.", "Ask its operator to read the log.")

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        return problem(422, "refused", f"The request is not valid: {fields}.", "Use a current version of the tool.")

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> JSONResponse:
        return problem(400, "http", "The connection was cut.", "Send the request again.")  # nobody is there to read it

    @app.exception_handler(HTTPException)
    async def framework(_request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return await ours(_request, errors.NotFound())
        return problem(error.status_code, "http", str(error.detail), "Use a current version of the tool.")

    @app.exception_handler(Exception)
    async def other(_request: Request, error: Exception) -> JSONResponse:
        return _unexpected(error)


def _unexpected(error: Exception) -> JSONResponse:
    if no_room(error):
        return problem(507, "no-room", _FULL, "Ask its operator to make room, then try again.")
    return problem(500, "internal", "The broker could not do this.", "Ask its operator to read the log.")


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
