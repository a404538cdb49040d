"""The OpenAPI document of version 1, made from the routes. The broker itself does not show it to anybody."""

from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from services.broker.api.described import PROBLEM_SCHEMA, example
from services.broker.api.v1 import answers, router
from services.broker.front.problem_types import KINDS

_TAKEN = (answers.Agreement, answers.Announcement, answers.Statement, answers.Opening, answers.Note)
"""Bodies that are sent; those that are answered are found from the routes."""
_HEADERS = {
    "X-Request-ID": ("Finds the request in the broker's log.", {"type": "string"}),
    "Retry-After": ("Seconds after which to ask again.", {"type": "integer"}),
    "Link": ("Where the next page is (RFC 8288), unless this is the last.", {"type": "string"}),
    "Location": ("Where the thing is that was made, or will be.", {"type": "string"}),
}
_SIGNATURE = """Every request is signed by a party's identity (RFC 9421, Ed25519) over `@method`, `@path`, `@query` and
`content-digest`: see docs/reference/formats.md, Requests. No signature is good for two requests."""


def document() -> dict[str, Any]:
    """JSON values, the same for the same code."""
    found = get_openapi(
        title="Counterfoil broker",
        version="1",
        openapi_version="3.1.0",
        summary="Links records of several holders without seeing a person.",
        description=_SIGNATURE,
        routes=router.routes,
    )
    parts = found.setdefault("components", {})
    _, taken = models_json_schema([(one, "validation") for one in _TAKEN], ref_template="#/components/schemas/{model}")
    parts["schemas"] = {**parts["schemas"], **taken["$defs"], "Problem": PROBLEM_SCHEMA}
    parts["headers"] = {name: {"description": what, "schema": form} for name, (what, form) in _HEADERS.items()}
    parts["examples"] = {kind.name: {"value": example(kind)} for kind in KINDS.values()}
    parts["securitySchemes"] = {
        "signature": {"type": "apiKey", "in": "header", "name": "Signature", "description": _SIGNATURE}
    }
    for operations in found["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                headers = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}, **response.get("headers", {})}
                response["headers"] = headers
    return found
