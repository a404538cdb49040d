"""What the operations take and answer, for the OpenAPI document: no request and no answer is checked by it."""

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from keys.protocol import State

_ID = "3f1c" * 16
RUN = "9b2e" * 8
_SINCE = "2026-06-01T12:00:00.000000+00:00"
_CARD = {
    "counterfoil": "card",
    "version": 1,
    "name": "Example Broker",
    "signing": "eO2s...",
    "receiving": {"mlkem768": "p1Zc...", "x25519": "b8Qj..."},
}
_AGREEMENT = {"counterfoil": "agreement", "terms": {}, "parties": [], "signatures": []}


def _hexadecimal(digits: int, example: str, description: str) -> Any:
    pattern = f"^[0-9a-f]{{{digits}}}$"
    return Path(description=description, examples=[example], json_schema_extra={"pattern": pattern})


AgreementId = Annotated[str, _hexadecimal(64, _ID, "The agreement's id.")]
RunId = Annotated[str, _hexadecimal(32, RUN, "The run's id.")]
FileId = Annotated[str, _hexadecimal(64, "a7c0" * 16, "SHA-256 of the calling holder's sealed file.")]
Other = Annotated[str, Path(description="The other holder's name in the terms.", examples=["icb"])]
Number = Annotated[
    str,
    Path(description="The part's number, from 0.", examples=["0"], json_schema_extra={"pattern": "^[0-9]{1,6}$"}),
]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


def _stated(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "body": body, "signer": "5d40" * 16, "signature": "k3Vw..."}


_OPENING = _stated("control rows opening", {"agreement": _ID, "run": RUN, "control_rows": "c1", "links": "d2"})
_RECEIPT = _stated(
    "receipt",
    {
        "agreement": _ID,
        "upload": "77aa" * 8,
        "holder": "council",
        "rows": 182500,
        "content_digest": "sha-256=:X48E9q...:",
        "received_at": _SINCE,
        "entry": 7,
    },
)


class Card(BaseModel):
    """A party's public keys and name."""

    model_config = _example(**_CARD)

    counterfoil: Literal["card"]
    version: Literal[1]
    name: str
    signing: str
    receiving: dict[str, str]


class Statement(BaseModel):
    """What a party has signed: docs/reference/formats.md has the bodies of every kind."""

    model_config = _example(**_stated("approval", {"agreement": _ID, "run": RUN}))

    kind: str
    body: dict[str, Any]
    signer: str = Field(description="Fingerprint of the signer's card.")
    signature: str


class Agreement(BaseModel):
    """An agreement with the signatures of all parties: docs/reference/formats.md."""

    model_config = _example(**_AGREEMENT)

    counterfoil: Literal["agreement"]
    terms: dict[str, Any]
    parties: list[dict[str, Any]]
    signatures: list[dict[str, Any]]


class Kept(BaseModel):
    """An agreement as the broker keeps it."""

    model_config = _example(
        agreement=_AGREEMENT,
        receiving=_stated("receiving key", {"agreement": _ID, "receiving": _CARD["receiving"]}),
        destroyed=None,
    )

    agreement: Agreement
    receiving: Statement | None = Field(description="The broker's key for this agreement.")
    destroyed: Statement | None = Field(description="The receipt of destruction, once there is one.")


class Relayed(BaseModel):
    """A contribution that the broker carries."""

    model_config = _example(agreement=_ID, sender="council", receiver="icb")

    agreement: str
    sender: str
    receiver: str


class Announcement(BaseModel):
    """The whole size of an upload."""

    model_config = _example(bytes=1048576)

    bytes: int = Field(ge=0)


class Announced(BaseModel):
    """How far an upload is: what of it is here, or its receipt once it is accepted."""

    model_config = _example(receipt=None, part_bytes=4194304, parts=[0, 3])

    receipt: Statement | None
    part_bytes: int | None = None
    parts: list[int] | None = None


class PartKept(BaseModel):
    """The number of a part that is here."""

    model_config = _example(part=3)

    part: int


class Checking(BaseModel):
    """The upload waits to be checked, or is being checked."""

    model_config = _example(state="checking")

    state: Literal["checking"]


class Receipt(Statement):
    """The broker's signed receipt of an upload."""

    model_config = _example(**_RECEIPT)


class Awaited(BaseModel):
    """Holders that have not opened their control rows."""

    model_config = _example(awaited=["icb"])

    awaited: list[str]


class Failure(BaseModel):
    """Why a run has failed, and what to do."""

    model_config = _example(what="The broker's disk is full.", remedy="Ask its operator to make room.")

    what: str
    remedy: str


class Run(BaseModel):
    """How far a run is, and what came of it as far as the caller may know."""

    model_config = _example(
        run=RUN,
        agreement=_ID,
        state="matched",
        percent=100,
        seconds_left=None,
        control_rows={"awaited": []},
        approved_by=["council"],
        outcome={
            "links": 103940,
            "possible_links": 1205,
            "left_out": [],
            "match_keys": ["nhs-number", "names"],
            "threshold": 0.98,
        },
        problem=None,
        started_at=_SINCE,
        changed_at="2026-06-01T12:07:41.000000+00:00",
    )

    run: str
    agreement: str
    state: State
    percent: int = Field(ge=0, le=100, description="Of comparisons.")
    seconds_left: int | None = Field(description="An estimate, while it compares.")
    control_rows: Awaited | None = Field(description="Once links are committed to, if the agreement has control rows.")
    approved_by: list[str] = Field(description="Holders whose IG leads have approved the release.")
    outcome: dict[str, Any] | None = Field(description="Counts that the suppression rule lets through.")
    problem: Failure | None
    started_at: str
    changed_at: str


class Listed(BaseModel):
    """A run in a list."""

    model_config = _example(run=RUN, state="released", started_at=_SINCE, changed_at=_SINCE)

    run: str
    state: State
    started_at: str
    changed_at: str


class Runs(BaseModel):
    """A page of the runs of an agreement, newest first."""

    model_config = _example(
        runs=[{"run": RUN, "state": "released", "started_at": _SINCE, "changed_at": _SINCE}], next=RUN
    )

    runs: list[Listed]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class Quality(BaseModel):
    """How good the links of a run are expected to be; null where nothing may be said."""

    model_config = _example(run=RUN, agreement=_ID, quality=None)

    run: str
    agreement: str
    quality: dict[str, Any] | None


class Opening(BaseModel):
    """A holder's control rows."""

    model_config = _example(statement=_OPENING, salt="00" * 32, handles=["11" * 16])

    statement: Statement
    salt: str
    handles: list[str]


class Opened(BaseModel):
    """Who has not opened yet."""

    model_config = _example(run=RUN, awaited=["icb"])

    run: str
    awaited: list[str]


class Shown(Opened):
    """And the control rows of all holders, by their names, once nobody is awaited."""

    model_config = _example(run=RUN, awaited=["icb"], shown=None)

    shown: dict[str, Any] | None


class Approved(BaseModel):
    """Holders whose IG leads have approved."""

    model_config = _example(run=RUN, approved_by=["council", "icb"])

    run: str
    approved_by: list[str]


class Declined(BaseModel):
    """What a refusal has made of the run."""

    model_config = _example(run=RUN, state="declined")

    run: str
    state: State


class Entry(BaseModel):
    """An event and the broker's checkpoint with it as the last."""

    model_config = _example(facts={"event": "agreement received", "at": _SINCE, "by": "council"}, checkpoint="...")

    facts: dict[str, Any]
    checkpoint: str


class Log(BaseModel):
    """The audit log of an agreement: docs/reference/formats.md."""

    model_config = _example(
        counterfoil="audit log", version=1, agreement=_AGREEMENT, entries=[], countersigned=["counterfoil/..."]
    )

    counterfoil: Literal["audit log"]
    version: Literal[1]
    agreement: Agreement
    entries: list[Entry]
    countersigned: list[str]


class Checkpoint(BaseModel):
    """The newest checkpoint and the proofs that were asked for; hashes in base64url."""

    model_config = _example(checkpoint="counterfoil/...", consistency=[], facts=None, inclusion=[])

    checkpoint: str
    consistency: list[str]
    facts: dict[str, Any] | None
    inclusion: list[str]


class Note(BaseModel):
    """A checkpoint of the broker with the caller's signature added."""

    model_config = _example(note="counterfoil/...")

    note: str


class Countersigned(BaseModel):
    """The checkpoint that was countersigned, by its size."""

    model_config = _example(agreement=_ID, size=17)

    agreement: str
    size: int
