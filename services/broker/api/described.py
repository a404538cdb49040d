"""What an operation takes and answers, and with which problems it refuses, as words for its route's decorator.

They are for the OpenAPI document alone: routes read bodies and make answers by themselves, so that nothing is read
before its signature is checked, or written in another way than it was signed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from services.broker.front.problem_types import KINDS, PREFIX, Kind

BYTES = "application/octet-stream"
PROBLEM = "application/problem+json"
_ALWAYS = ("bad-request", "connection-cut", "rate-limited", "internal", "database-away", "broker-away")
_SIGNED = ("unauthenticated", "not-found", "too-large", "refused", "storage-away", "no-room")
_RETRIED = (429, 503)

Answer = type[BaseModel] | str
"""A document, or the media type of something sealed."""


def described(
    answers: Mapping[int, Answer],
    *problems: str,
    takes: Answer | None = None,
    headers: Iterable[str] = (),
    signed: bool = True,
) -> dict[str, Any]:
    """``answers``: by status, the first being the usual one. ``problems``: of ``KINDS``, beside those that every
    (``signed``) operation may refuse with. ``headers``: of the usual answer."""
    usual = next(iter(answers))
    responses: dict[int | str, dict[str, Any]] = {status: _answer(answer) for status, answer in answers.items()}
    responses[usual]["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    responses |= refusals((*_ALWAYS, *(_SIGNED if signed else ()), *problems))
    extra: dict[str, Any] = {"security": [{"signature": []}] if signed else []}
    if takes is not None:
        extra["requestBody"] = {"required": True, "content": _content(takes)}
    return {"status_code": usual, "response_model": None, "responses": responses, "openapi_extra": extra}


def refusals(names: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    """By status: the problems of these names. Raises ``KeyError`` for a name that is in no table."""
    kinds = [KINDS[name] for name in sorted(set(names))]
    return {
        status: {
            "description": " ".join(f"`{kind.name}`: {kind.means}" for kind in kinds if kind.status == status),
            "content": {
                PROBLEM: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {
                        kind.name: {"$ref": f"#/components/examples/{kind.name}"}
                        for kind in kinds
                        if kind.status == status
                    },
                }
            },
            "headers": {"Retry-After": {"$ref": "#/components/headers/Retry-After"}} if status in _RETRIED else {},
        }
        for status in sorted({kind.status for kind in kinds})
    }


def example(kind: Kind) -> dict[str, Any]:
    """A problem of this type."""
    more: dict[str, Any] = {"retry_after": 2, "failing": ["database"]}
    return {
        "type": PREFIX + kind.name,
        "title": kind.means,
        "status": kind.status,
        "detail": kind.to_do,
        **{name: more[name] for name in kind.members},
        "request_id": "0123456789abcdef0123456789abcdef",
    }


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457; docs/reference/problems.md says of each type what to do.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "enum": [kind.type for kind in KINDS.values()]},
        "title": {"type": "string", "description": "What happened, for people; may change."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do, for people; may change."},
        "request_id": {"type": "string", "description": "As in X-Request-ID: finds the request in the broker's log."},
        "retry_after": {"type": "integer", "minimum": 1, "description": "Seconds."},
        "failing": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": False,
}


def _answer(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"description": "Sealed bytes: docs/reference/formats.md.", "content": _content(answer)}
    return {"description": (answer.__doc__ or "").strip(), "model": answer}


def _content(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, str):
        return {answer: {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{answer.__name__}"}}}
