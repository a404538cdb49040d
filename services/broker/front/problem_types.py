"""Every type of problem that the broker answers with: one table, from which docs/reference/problems.md is written."""

from dataclasses import dataclass

PREFIX = "urn:counterfoil:problem:"
_AWAY_SECONDS = 5


@dataclass(frozen=True)
class Kind:
    """A type of problem. Its name never changes its meaning, so that programs may decide by it."""

    name: str
    status: int
    means: str
    to_do: str
    members: tuple[str, ...] = ()
    """Members of the answer beside those of RFC 9457 and ``request_id``."""
    retry_seconds: int | None = None
    """After which a caller may come again, if that is always the same."""

    @property
    def type(self) -> str:
        return PREFIX + self.name


_KINDS = (
    Kind("connection-cut", 400, "The connection ended before the request did.", "Send the request again."),
    Kind(
        "bad-request",
        400,
        "The request is not well-formed HTTP, or not what the address takes.",
        "Use a current version of the tool.",
    ),
    Kind(
        "unauthenticated",
        401,
        "The request carries no signature that this broker can verify, or has been received before.",
        "Sign it anew with the identity whose card is in the agreement, on a computer whose clock is right.",
    ),
    Kind(
        "not-found",
        404,
        "There is no such thing, or this party may not know of it: both answer alike.",
        "Check the address and that you use the identity whose card is in the agreement.",
    ),
    Kind(
        "method-not-allowed",
        405,
        "The address does not know this method; `Allow` names those that it knows.",
        "Use a current version of the tool.",
    ),
    Kind(
        "conflict",
        409,
        "What is there already, or the state of the run, does not allow this.",
        "Look at the status, and do what the detail says.",
    ),
    Kind(
        "gone",
        410,
        "It was here and has been destroyed, as the agreement says.",
        "Nothing brings it back: make and sign a new agreement if it is needed again.",
    ),
    Kind("too-large", 413, "The body is larger than the broker takes.", "Use a current version of the tool."),
    Kind("refused", 422, "The content is not acceptable. Nothing was changed.", "Do what the detail says."),
    Kind(
        "invalid-request",
        422,
        "Parameters of the request are missing or have no valid value; the title names them.",
        "Use a current version of the tool.",
    ),
    Kind(
        "agreement-refused",
        422,
        "The agreement is incomplete, unsafe, unsigned, expired or not this broker's.",
        "Mend what the title names (`counterfoil agreement check`), then have every party sign it.",
    ),
    Kind(
        "envelope-refused",
        422,
        "A sealed file is damaged, or not sealed by this sender, to this receiver, for this agreement.",
        "Make the file again with the agreement and identity that belong to it.",
    ),
    Kind(
        "signature-refused",
        422,
        "A signature in the body is not of these bytes, or not of this party.",
        "Sign it anew with the identity whose card is in the agreement.",
    ),
    Kind(
        "document-refused",
        422,
        "The document in the body cannot be read or trusted.",
        "Use a current version of the tool.",
    ),
    Kind(
        "rate-limited",
        429,
        "The caller has sent more requests than the broker takes in this time.",
        "Wait for as many seconds as `Retry-After` says, then send it again, signed anew. The tool does so by itself.",
        ("retry_after",),
    ),
    Kind(
        "internal",
        500,
        "The broker could not do this, and does not say why.",
        "Give the operator the `request_id`: the reason is in the broker's log.",
    ),
    Kind(
        "not-ready",
        503,
        "The broker runs but cannot serve; `failing` names the checks that fail.",
        "Wait for as many seconds as `Retry-After` says. The operator finds the reason in the broker's log.",
        ("failing",),
        retry_seconds=_AWAY_SECONDS,
    ),
    Kind(
        "database-away",
        503,
        "The broker's database does not answer for now, or gave up a transaction for the sake of another.",
        "Wait for as many seconds as `Retry-After` says, then send it again, signed anew. The tool does so by itself.",
        retry_seconds=_AWAY_SECONDS,
    ),
    Kind(
        "storage-away",
        503,
        "The broker's object storage does not answer for now.",
        "Wait for as many seconds as `Retry-After` says, then send it again, signed anew. The tool does so by itself.",
        retry_seconds=_AWAY_SECONDS,
    ),
    Kind(
        "being-checked",
        503,
        "The upload is being checked; its sender did not say that it takes a 202.",
        "Send the same again after as many seconds as `Retry-After` says. The tool does so by itself.",
        retry_seconds=60,
    ),
    Kind(
        "broker-away",
        503,
        "The broker is being started or is not there: the proxy before it says so.",
        "Wait for as many seconds as `Retry-After` says, then send it again, signed anew. The tool does so by itself.",
        retry_seconds=_AWAY_SECONDS,
    ),
    Kind(
        "no-room",
        507,
        "The broker's disk is full. Nothing was changed.",
        "Ask its operator to make room, then send it again.",
    ),
)
KINDS = {kind.name: kind for kind in _KINDS}
"""By name, in the order of their statuses."""
